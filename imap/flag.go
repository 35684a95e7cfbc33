package imap

import "slices"

import "github.com/mailwire/mailwire/internal/ascii"

// A Flag is a system flag, which begins with a backslash, or a keyword. Flags
// are compared without regard to ASCII case: RFC 9051, section 2.3.2. Parsed
// ones that are known have the spelling of the constants.
type Flag string

// The flags of RFC 9051, section 2.3.2, and the keywords registered with IANA
// that clients use most.
const (
	FlagSeen      Flag = `\Seen`
	FlagAnswered  Flag = `\Answered`
	FlagFlagged   Flag = `\Flagged`
	FlagDeleted   Flag = `\Deleted`
	FlagDraft     Flag = `\Draft`
	FlagRecent    Flag = `\Recent` // RFC 3501, section 2.3.2: the server's alone
	FlagWildcard  Flag = `\*`      // in PERMANENTFLAGS: new keywords can be made
	FlagForwarded Flag = "$Forwarded"
	FlagMDNSent   Flag = "$MDNSent"
	FlagJunk      Flag = "$Junk"
	FlagNotJunk   Flag = "$NotJunk"
	FlagPhishing  Flag = "$Phishing"
	FlagImportant Flag = "$Important"
)

var knownFlags = [...]Flag{
	FlagSeen, FlagAnswered, FlagFlagged, FlagDeleted, FlagDraft, FlagRecent, FlagWildcard, FlagForwarded,
	FlagMDNSent, FlagJunk, FlagNotJunk, FlagPhishing, FlagImportant, "$Submitted", "$SubmitPending", "Junk", "NonJunk",
}

// Is reports whether both name the same flag.
func (f Flag) Is(g Flag) bool { return ascii.EqualFold(f, g) }

// System reports whether f is a system flag.
func (f Flag) System() bool { return len(f) > 0 && f[0] == '\\' }

// Storable reports whether a client may set f: any keyword, and the system
// flags but \Recent. RFC 9051, section 2.3.2.
func (f Flag) Storable() bool {
	if !f.System() {
		return f != ""
	}
	return slices.ContainsFunc(knownFlags[:5], f.Is)
}

// HasFlag reports whether f is among flags.
func HasFlag(flags []Flag, f Flag) bool {
	for _, g := range flags {
		if g.Is(f) {
			return true
		}
	}
	return false
}

// knownFlag returns the known flag that b spells, "" if there is none.
func knownFlag(b []byte) Flag {
	for _, f := range knownFlags {
		if ascii.EqualFold(f, b) {
			return f
		}
	}
	return ""
}

// internFlag returns the known flag that b spells, or b as one.
func internFlag(b []byte) Flag {
	if f := knownFlag(b); f != "" {
		return f
	}
	return Flag(b)
}

// A FlagMode says what STORE does with its flags.
type FlagMode uint8

const (
	FlagsSet    FlagMode = iota // FLAGS: these and no others
	FlagsAdd                    // +FLAGS
	FlagsRemove                 // -FLAGS
)

func (m FlagMode) String() string { return nameOf([]string{"FLAGS", "+FLAGS", "-FLAGS"}, m) }

// A FlagOp is what STORE asks for. RFC 9051, section 6.4.6.
type FlagOp struct {
	Mode   FlagMode
	Silent bool // the client does not want to hear of what it changes itself
	Flags  []Flag
	// UnchangedSince: do it only where the mod-sequence is not greater, 0
	// included. nil: unconditionally. RFC 7162, section 3.1.3.
	UnchangedSince *ModSeq
}

// Apply returns what the operation makes of the flags of a message. have is not
// changed; the result may share its memory.
func (op *FlagOp) Apply(have []Flag) []Flag {
	switch op.Mode {
	case FlagsAdd:
		out := have[:len(have):len(have)]
		for _, f := range op.Flags {
			if !HasFlag(out, f) {
				out = append(out, f)
			}
		}
		return out
	case FlagsRemove:
		var out []Flag
		for _, f := range have {
			if !HasFlag(op.Flags, f) {
				out = append(out, f)
			}
		}
		return out
	}
	var out []Flag
	for _, f := range op.Flags {
		if !HasFlag(out, f) {
			out = append(out, f)
		}
	}
	return out
}
