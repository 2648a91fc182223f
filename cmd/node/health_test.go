package node

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestHealthWhileStarting asks a node whose parts are not there yet: it is alive, so that
// nobody kills it, and not ready, so that nobody sends it clients.
func TestHealthWhileStarting(t *testing.T) {
	n := &Node{registry: newRegistry()}
	for path, want := range map[string]int{"/health": http.StatusServiceUnavailable, "/health/alive": http.StatusOK} {
		answer := httptest.NewRecorder()
		n.routes().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, answer.Code, want, answer.Body)
		}
	}
}
