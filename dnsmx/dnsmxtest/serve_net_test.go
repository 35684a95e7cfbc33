package dnsmxtest

import (
	"net/netip"
	"testing"

	"github.com/mailwire/mailwire/dnsmx"
)

func TestStubIsAResolver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults Faults
		stub   dnsmx.Stub
	}{
		{"plain", Faults{}, dnsmx.Stub{}},
		{"mixed case", Faults{}, dnsmx.Stub{Mixed: true}},
		{"truncated", Faults{Truncate: true}, dnsmx.Stub{}},
		{"truncated, mixed case", Faults{Truncate: true}, dnsmx.Stub{Mixed: true}},
		{"forged", Faults{Forge: true}, dnsmx.Stub{}},
		{"forged, mixed case", Faults{Forge: true}, dnsmx.Stub{Mixed: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			CheckResolver(t, func(z *Zone) dnsmx.Resolver {
				stub := tt.stub
				stub.Servers = []netip.AddrPort{Serve(t, z, tt.faults)}
				return &stub
			})
		})
	}
}
