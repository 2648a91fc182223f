package harness

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Metric is the sum of all samples that a node has of a metric, 0 where it has none.
func (c *Cluster) Metric(node int, name string) (float64, error) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + c.members[node-1].metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	sum := 0.0
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), name)
		if !found || rest == "" || rest[0] != ' ' && rest[0] != '{' {
			continue
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum += value
	}
	return sum, lines.Err()
}
