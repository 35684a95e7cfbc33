package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"errors"
	"strings"
	"testing"
)

const cramVector = "<1896.697170952@postoffice.reston.mci.net>"

func TestRFC2195_2_Vector(t *testing.T) {
	const response = "tim b913a602c7eda7a495b4e6e7334d3890"
	c := NewCramMD5Client("tim", "tanstaaftanstaaf")
	wantTurn(t, c, nil, NoQuestion{}, Answer{}, Outcome{})
	if err := c.Finish(); !errors.Is(err, ErrUnproven) {
		t.Errorf("Finish before the response = %v", err)
	}
	wantTurn(t, c, []byte(cramVector), NoQuestion{}, Answer{}, Outcome{Send: []byte(response)})
	if err := c.Finish(); err != nil {
		t.Errorf("Finish = %v", err)
	}
	for _, scheme := range []string{"CRAM-MD5", "PLAIN"} {
		s := NewCramMD5Server(cramVector)
		wantTurn(t, s, nil, NoQuestion{}, Answer{}, Outcome{Send: []byte(cramVector)})
		wantTurn(t, s, []byte(response), VerifierQuestion{"tim", "CRAM-MD5"},
			Answer{Verifiers: []Verifier{cheap(t, scheme, "tanstaaftanstaaf")}},
			Outcome{Done: true, Identity: Identity{Authcid: "tim", Authzid: "tim", Mechanism: "CRAM-MD5"}})
	}
}

func TestRFC2195_2_Response(t *testing.T) {
	const digest = "b913a602c7eda7a495b4e6e7334d3890"
	for _, tt := range []struct{ name, msg, user string }{
		{"spaces in the name", "tim van  dyke " + digest, "tim van  dyke"},
		{"upper-case digits", "tim " + strings.ToUpper(digest), ""},
		{"31 digits", "tim " + digest[1:], ""},
		{"33 digits", "tim " + digest + "0", ""},
		{"no user", " " + digest, ""},
		{"no space", digest, ""},
		{"trailing space", "tim " + digest + " ", ""},
		{"NUL", "t\x00im " + digest, ""},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewCramMD5Server(cramVector)
			s.Step(nil)
			s.Settle(Answer{})
			q, _ := s.Step([]byte(tt.msg)).(VerifierQuestion)
			o := s.Settle(Answer{})
			if q.User != tt.user || o.Err == nil {
				t.Errorf("user %q, want %q; error %v", q.User, tt.user, o.Err)
			}
		})
	}
	t.Run("initial response", func(t *testing.T) {
		s := NewCramMD5Server(cramVector)
		s.Step([]byte("tim " + digest))
		if o := s.Settle(Answer{}); !matches(o.Err, errSyntax) {
			t.Errorf("error %v", o.Err)
		}
	})
	t.Run("wrong digest", func(t *testing.T) {
		s := NewCramMD5Server(cramVector)
		s.Step(nil)
		s.Settle(Answer{})
		s.Step([]byte("tim " + digest[:31] + "1"))
		if o := s.Settle(Answer{Verifiers: []Verifier{cheap(t, "CRAM-MD5", "tanstaaftanstaaf")}}); !errors.Is(o.Err, ErrCredentials) {
			t.Errorf("error %v", o.Err)
		}
	})
}

// The saved states finish to the same HMAC, whatever the length of the password.
func TestRFC2195_2_States(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 200} {
		password := strings.Repeat("p", n)
		m := hmac.New(md5.New, []byte(password))
		m.Write([]byte(cramVector))
		got := cheap(t, "CRAM-MD5", Secret(password)).p.cramMAC([]byte(cramVector))
		if !hmac.Equal(got, m.Sum(nil)) {
			t.Errorf("%d octets: %x, want %x", n, got, m.Sum(nil))
		}
	}
}

func TestRFC1939_7_APOP(t *testing.T) {
	const stamp, digest = "<1896.697170952@dbc.mtview.ca.us>", "c4c9334bac560ecc979e58001b3e22fb"
	if got := ApopDigest(stamp, "tanstaaf"); got != digest {
		t.Fatalf("ApopDigest = %s", got)
	}
	a := &Authenticator{
		Lookup: accounts(map[string][]Verifier{"mrose": {cheap(t, "PLAIN", "tanstaaf")}, "scram": {cheap(t, "SCRAM-SHA-256", "tanstaaf")}}),
		Floor:  -1,
	}
	for _, tt := range []struct {
		name, user, stamp, digest string
		ci                        ConnInfo
		want                      error
	}{
		{"vector", "mrose", stamp, digest, secure(), nil},
		{"upper case", "mrose", stamp, strings.ToUpper(digest), secure(), ErrCredentials},
		{"31 digits", "mrose", stamp, digest[1:], secure(), ErrCredentials},
		{"other stamp", "mrose", "<1@x>", digest, secure(), ErrCredentials},
		{"no stamp", "mrose", "", ApopDigest("", "tanstaaf"), secure(), ErrCredentials},
		{"unknown user", "rose", stamp, digest, secure(), ErrCredentials},
		{"no PLAIN verifier", "scram", stamp, digest, secure(), ErrCredentials},
		{"empty user", "", stamp, digest, secure(), ErrCredentials},
		{"cleartext", "mrose", stamp, digest, ConnInfo{}, ErrTLSRequired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := a.APOP(t.Context(), tt.ci, tt.user, tt.stamp, tt.digest)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if want := (Identity{Authcid: "mrose", Authzid: "mrose", Mechanism: "APOP"}); err == nil && id != want {
				t.Errorf("identity %+v, want %+v", id, want)
			}
		})
	}
	hashed := &Authenticator{Lookup: a.Lookup, Cleartext: CleartextHashed, Floor: -1}
	if _, err := hashed.APOP(t.Context(), ConnInfo{}, "mrose", stamp, digest); err != nil {
		t.Errorf("with CleartextHashed: %v", err)
	}
	if _, err := (&Authenticator{}).APOP(t.Context(), secure(), "mrose", stamp, digest); !errors.Is(err, ErrMechanism) {
		t.Errorf("without Lookup: %v", err)
	}
}
