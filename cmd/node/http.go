package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newRegistry returns a registry with the process's own metrics.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// httpServer is the side for operators: /metrics, /health, /health/alive, /debug/pprof.
type httpServer struct {
	listener net.Listener
	server   *http.Server
	running  sync.WaitGroup
}

// serveHTTP starts the HTTP side where one is asked for.
func (n *Node) serveHTTP() error {
	if n.options.HTTP == "" {
		return nil
	}
	listener, err := net.Listen("tcp", n.options.HTTP)
	if err != nil {
		return err
	}
	n.http = &httpServer{listener: listener, server: &http.Server{Handler: n.routes(), ReadHeaderTimeout: 10 * time.Second}}
	n.http.running.Go(func() {
		if err := n.http.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.options.Logger.Error("the HTTP side ended", "error", err)
		}
	})
	return nil
}

func (n *Node) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /health", answerHealth(n.readiness))
	mux.HandleFunc("GET /health/alive", answerHealth(n.liveness))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func (h *httpServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := h.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = h.server.Close() // a profile may be running
	}
	h.running.Wait()
	return err
}

// Version is the version of the binary: the module's, or the commit it was
// built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			version = setting.Value[:12]
		}
	}
	if version == "" || version == "(devel)" {
		return "development"
	}
	return version
}
