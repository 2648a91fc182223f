package testsql

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"millrace/cmd/cli"
)

// startFlags returns the flags of millrace start in a text, and reports those that there
// are not.
func startFlags(t *testing.T, name, text string) []string {
	t.Helper()
	start, _, err := cli.New(io.Discard, io.Discard).Find([]string{"start"})
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, flag := range regexp.MustCompile(`(?:^|[\s"])--([a-z][a-z-]*)`).FindAllStringSubmatch(text, -1) {
		if start.Flags().Lookup(flag[1]) == nil {
			t.Errorf("%s uses --%s, which millrace start does not have", name, flag[1])
		}
		flags = append(flags, flag[1])
	}
	return flags
}

// clusterFlags are flags that a node of several machines cannot do without.
var clusterFlags = []string{"listen", "advertise", "join", "node-cert", "node-key", "node-ca", "tls-cert", "tls-key"}

func checkClusterFlags(t *testing.T, name, text string) {
	t.Helper()
	flags := startFlags(t, name, text)
	for _, flag := range clusterFlags {
		if !slices.Contains(flags, flag) {
			t.Errorf("%s does not use --%s", name, flag)
		}
	}
}

// TestSystemdUnit holds the unit and its settings against the flags that there are.
func TestSystemdUnit(t *testing.T) {
	unit, err := os.ReadFile("../deploy/systemd/millrace.service")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile("../deploy/systemd/millrace.env")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^ExecStart=(\S+) start (.*\$MILLRACE_FLAGS)$`).FindSubmatch(unit)
	flags := regexp.MustCompile(`(?m)^MILLRACE_FLAGS=(.*)$`).FindSubmatch(settings)
	if command == nil || flags == nil {
		t.Fatal("the unit does not start a node with the settings' flags")
	}
	startFlags(t, "millrace.service", string(command[2]))
	checkClusterFlags(t, "millrace.env", string(flags[1]))
}

// manifest is what the test looks at in an object of Kubernetes.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		PodManagementPolicy string `yaml:"podManagementPolicy"`
		ServiceName         string `yaml:"serviceName"`
		ClusterIP           string `yaml:"clusterIP"`
		PublishNotReady     bool   `yaml:"publishNotReadyAddresses"`
		Selector            map[string]any
		Template            struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Containers []container
				Volumes    []struct{ Name string }
			}
		}
		VolumeClaimTemplates []struct {
			Metadata struct{ Name string }
		} `yaml:"volumeClaimTemplates"`
	}
}

type container struct {
	Command, Args  []string
	Ports          []struct{ Name string }
	LivenessProbe  probe                              `yaml:"livenessProbe"`
	ReadinessProbe probe                              `yaml:"readinessProbe"`
	VolumeMounts   []struct{ Name, MountPath string } `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// TestKubernetesManifest parses the manifest, and checks what Kubernetes would find out
// only when nodes run: names that have to agree, flags and probes that have to exist.
func TestKubernetesManifest(t *testing.T) {
	text, err := os.ReadFile("../deploy/kubernetes/millrace.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string][]manifest{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var m manifest
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		objects[m.Kind] = append(objects[m.Kind], m)
	}
	if len(objects["StatefulSet"]) != 1 || len(objects["Service"]) != 2 || len(objects["PodDisruptionBudget"]) != 1 || len(objects["NetworkPolicy"]) != 1 {
		t.Fatalf("the manifest has %d kinds of objects", len(objects))
	}
	set := objects["StatefulSet"][0].Spec
	if set.PodManagementPolicy != "Parallel" {
		t.Error("pods would wait for others to be ready, which wait for them")
	}
	headless := slices.IndexFunc(objects["Service"], func(m manifest) bool { return m.Metadata.Name == set.ServiceName })
	if headless < 0 || objects["Service"][headless].Spec.ClusterIP != "None" || !objects["Service"][headless].Spec.PublishNotReady {
		t.Errorf("the service %q does not give every pod a name at any time", set.ServiceName)
	}
	for _, service := range objects["Service"] {
		if service.Spec.Selector["app"] != set.Template.Metadata.Labels["app"] {
			t.Errorf("service %s selects other pods", service.Metadata.Name)
		}
	}
	c := set.Template.Spec.Containers[0]
	checkClusterFlags(t, "the StatefulSet", strings.Join(c.Args, " "))
	if output, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", c.Args[0]).CombinedOutput(); err != nil {
		t.Errorf("the pod's script: %v: %s", err, output)
	}
	if live, ready := c.LivenessProbe.HTTPGet, c.ReadinessProbe.HTTPGet; live.Path != "/health/alive" || ready.Path != "/health" ||
		!slices.ContainsFunc(c.Ports, func(p struct{ Name string }) bool { return p.Name == live.Port && p.Name == ready.Port }) {
		t.Errorf("probes ask for %v and %v", live, ready)
	}
	for _, mount := range c.VolumeMounts {
		isVolume := slices.ContainsFunc(set.Template.Spec.Volumes, func(v struct{ Name string }) bool { return v.Name == mount.Name })
		if !isVolume && (len(set.VolumeClaimTemplates) == 0 || set.VolumeClaimTemplates[0].Metadata.Name != mount.Name) {
			t.Errorf("there is no volume %s", mount.Name)
		}
	}
}
