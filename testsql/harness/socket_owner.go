package harness

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// socketOwner returns which of some processes has the socket with a local address of
// IPv4, or -1: the kernel lists sockets with their inodes, and each process what it has
// open.
func socketOwner(address net.Addr, processes []int) int {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return -1
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return -1
	}
	ip := tcp.IP.To4()
	local := fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], tcp.Port)
	socket := ""
	for line := range strings.Lines(string(table)) {
		// sl local_address rem_address st queues timer retransmits uid timeout inode
		if fields := strings.Fields(line); len(fields) > 9 && fields[1] == local && fields[9] != "0" {
			socket = "socket:[" + fields[9] + "]"
		}
	}
	for i, process := range processes {
		open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", process))
		if err != nil {
			continue
		}
		for _, file := range open {
			if name, err := os.Readlink(file); err == nil && name == socket {
				return i
			}
		}
	}
	return -1
}
