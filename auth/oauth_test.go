package auth

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const (
	bearToken = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
	bearIR    = "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer " + bearToken + "\x01\x01"
)

func TestRFC7628_4_1_Success(t *testing.T) {
	c := NewOAuthBearerClient("user@example.com", "server.example.com", 143)
	wantTurn(t, c, nil, BearerQuestion{"server.example.com", 143}, Answer{Token: bearToken}, Outcome{Send: []byte(bearIR)})
	if err := c.Finish(); err != nil {
		t.Errorf("Finish = %v", err)
	}
	s := NewOAuthBearerServer()
	wantTurn(t, s, []byte(bearIR), TokenQuestion{Authzid: "user@example.com", Token: bearToken, Host: "server.example.com", Port: 143},
		Answer{Subject: "user@example.com"},
		Outcome{Done: true, Identity: Identity{Authcid: "user@example.com", Authzid: "user@example.com", Mechanism: "OAUTHBEARER"}})
}

// The empty auth= asks which scope is wanted.
func TestRFC7628_4_3_EmptyToken(t *testing.T) {
	s := NewOAuthBearerServer()
	want := Outcome{Send: []byte(`{"status":"invalid_token"}`), Err: ErrCredentials}
	wantTurn(t, s, []byte("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01"), NoQuestion{}, Answer{}, want)
}

func TestRFC7628_3_2_3_AfterTheError(t *testing.T) {
	doc := &OAuthError{Status: "insufficient_scope", Scope: "mail", Configuration: "https://example.com/c"}
	for name, next := range map[string][]byte{"^A": {1}, "star": []byte("*"), "empty": {}, "nil": nil, "garbage": []byte("\xffn,,"), "again": []byte(bearIR)} {
		for _, s := range []Exchange{NewOAuthBearerServer(), NewXOAuth2Server()} {
			t.Run(s.Mechanism()+"/"+name, func(t *testing.T) {
				ir := bearIR
				if s.Mechanism() == "XOAUTH2" {
					ir = "user=u\x01auth=Bearer " + bearToken + "\x01\x01"
				}
				s.Step([]byte(ir))
				o := s.Settle(Answer{Err: doc})
				var got map[string]string
				if err := json.Unmarshal(o.Send, &got); err != nil || got["status"] != doc.Status || got["scope"] != doc.Scope ||
					got["openid-configuration"] != doc.Configuration || !errors.Is(o.Err, ErrCredentials) {
					t.Fatalf("Outcome %q, %v", o.Send, o.Err)
				}
				s.Step(next)
				if o := s.Settle(Answer{Subject: "user"}); o.Done || o.Send != nil || !errors.Is(o.Err, ErrCredentials) {
					t.Errorf("afterwards: %+v", o)
				}
			})
		}
	}
}

func TestRFC7628_3_1_Message(t *testing.T) {
	const auth = "auth=Bearer " + bearToken + "\x01"
	for _, tt := range []struct {
		name, msg string
		want      TokenQuestion
	}{
		{"least", "n,,\x01" + auth + "\x01", TokenQuestion{Token: bearToken}},
		{"escaped authzid", "n,a=u=2Cx=3D,\x01" + auth + "\x01", TokenQuestion{Authzid: "u,x=", Token: bearToken}},
		{"unknown key", "n,,\x01zzz=1\x01" + auth + "\x01", TokenQuestion{Token: bearToken}},
		{"scheme in other case", "n,,\x01auth=bEARER " + bearToken + "\x01\x01", TokenQuestion{Token: bearToken}},
		{"two auth", "n,,\x01" + auth + auth + "\x01", TokenQuestion{}},
		{"two hosts", "n,,\x01host=a\x01host=b\x01" + auth + "\x01", TokenQuestion{}},
		{"no auth", "n,,\x01host=a\x01\x01", TokenQuestion{}},
		{"no pairs", "n,,\x01\x01", TokenQuestion{}},
		{"lone ^A", "\x01", TokenQuestion{}},
		{"missing final ^A", "n,,\x01" + auth, TokenQuestion{}},
		{"missing both", "n,,\x01auth=Bearer " + bearToken, TokenQuestion{}},
		{"octets behind the end", "n,,\x01" + auth + "\x01x", TokenQuestion{}},
		{"y", "y,,\x01" + auth + "\x01", TokenQuestion{}},
		{"p", "p=tls-exporter,,\x01" + auth + "\x01", TokenQuestion{}},
		{"other scheme", "n,,\x01auth=Basic " + bearToken + "\x01\x01", TokenQuestion{}},
		{"Bearer without token", "n,,\x01auth=Bearer \x01\x01", TokenQuestion{}},
		{"token with a space", "n,,\x01auth=Bearer a b\x01\x01", TokenQuestion{}},
		{"token of 8193 octets", "n,,\x01auth=Bearer " + strings.Repeat("a", 8193) + "\x01\x01", TokenQuestion{}},
		{"key with a digit", "n,,\x01h2=1\x01" + auth + "\x01", TokenQuestion{}},
		{"port 0", "n,,\x01port=0\x01" + auth + "\x01", TokenQuestion{}},
		{"port 065", "n,,\x01port=065\x01" + auth + "\x01", TokenQuestion{}},
		{"port 65536", "n,,\x01port=65536\x01" + auth + "\x01", TokenQuestion{}},
		{"control in a value", "n,,\x01host=\x02\x01" + auth + "\x01", TokenQuestion{}},
		{"authzid escaped wrongly", "n,a=u=2cx,\x01" + auth + "\x01", TokenQuestion{}},
		{"empty", "", TokenQuestion{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewOAuthBearerServer()
			got, _ := s.Step([]byte(tt.msg)).(TokenQuestion)
			if got != tt.want {
				t.Errorf("asks %#v, want %#v", got, tt.want)
			}
			o := s.Settle(Answer{Subject: "u"})
			if refused := tt.want == (TokenQuestion{}); refused != matches(o.Err, errSyntax) {
				t.Errorf("error %v", o.Err)
			}
			if o.Err != nil && strings.Contains(o.Err.Error(), bearToken[:8]) {
				t.Errorf("the error shows the token: %v", o.Err)
			}
		})
	}
}

func TestXOAuth2(t *testing.T) {
	const ir = "user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"
	c := NewXOAuth2Client("someuser@example.com", "", 0)
	wantTurn(t, c, nil, BearerQuestion{}, Answer{Token: "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"}, Outcome{Send: []byte(ir)})
	// The error's answer is empty, and the error carries the status.
	o := c.Settle(stepAnswer(c, `{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}`))
	if got, ok := errors.AsType[*OAuthError](o.Err); !ok || got.Status != "401" || got.Scope != "https://mail.google.com/" || !equalOctets(o.Send, []byte{}) {
		t.Errorf("Outcome %q, %v", o.Send, o.Err)
	}
	if err := c.Finish(); !errors.Is(err, ErrCredentials) {
		t.Errorf("Finish = %v", err)
	}
	for _, bad := range []string{"", "\x01", "user=\x01auth=Bearer x\x01\x01", "user=u\x01auth=Bearer x\x01", "user=u\x01auth=x\x01\x01",
		"user=u\x01host=h\x01auth=Bearer x\x01\x01", "auth=Bearer x\x01\x01", "user=u\x00\x01auth=Bearer x\x01\x01"} {
		s := NewXOAuth2Server()
		s.Step([]byte(bad))
		if o := s.Settle(Answer{Subject: "u"}); !matches(o.Err, errSyntax) {
			t.Errorf("%q: %+v", bad, o)
		}
	}
}

func stepAnswer(x Exchange, in string) Answer {
	x.Step([]byte(in))
	return Answer{}
}

func TestRFC7628_3_2_2_ClientReadsTheError(t *testing.T) {
	for _, tt := range []struct{ name, doc, status string }{
		{"document", `{"status":"invalid_token","scope":"s","openid-configuration":"u","x":[1]}`, "invalid_token"},
		{"number", `{"status":400}`, "400"},
		{"no status", `{}`, ""},
		{"not JSON", "no", ""},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewOAuthBearerClient("u", "", 0)
			c.Step(nil)
			c.Settle(Answer{Token: "x"})
			o := c.Settle(stepAnswer(c, tt.doc))
			got, ok := errors.AsType[*OAuthError](o.Err)
			if !ok || got.Status != tt.status || string(o.Send) != "\x01" {
				t.Errorf("Outcome %q, %v, want status %q", o.Send, o.Err, tt.status)
			}
		})
	}
}

func TestRFC7628_3_1_ClientRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, user, host string
		token            Secret
	}{
		{"empty token", "u", "h", ""},
		{"token with ^A", "u", "h", "x\x01auth=Bearer y"},
		{"token with CR", "u", "h", "x\r"},
		{"token of 8193 octets", "u", "h", Secret(strings.Repeat("a", 8193))},
		{"user with ^A", "u\x01", "h", "x"},
		{"host with a space", "u", "h h", "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := NewOAuthBearerClient(tt.user, tt.host, 0)
			c.Step(nil)
			if o := c.Settle(Answer{Token: tt.token}); o.Send != nil || o.Err == nil {
				t.Errorf("Outcome %q, %v", o.Send, o.Err)
			}
		})
	}
}

// Through the drivers: the client learns the status, the server tells After once,
// and nothing that follows is a success.
func TestRFC7628_3_2_2_Drivers(t *testing.T) {
	var attempts []error
	a := &Authenticator{
		CheckToken: func(_ context.Context, authzid string, tok Secret) (string, error) {
			if tok != bearToken {
				return "", &OAuthError{Status: "invalid_token", Scope: "mail"}
			}
			return "ann", nil
		},
		After: func(_ context.Context, _ ConnInfo, _ Identity, err error) { attempts = append(attempts, err) },
		Floor: -1,
	}
	for _, mech := range []string{"OAUTHBEARER", "XOAUTH2"} {
		for _, tt := range []struct {
			name, user string
			token      Secret
			want       bool
		}{
			{"good", "ann", bearToken, true},
			{"bad token", "ann", "x", false},
			{"acts as another", "bob", bearToken, false},
		} {
			t.Run(mech+"/"+tt.name, func(t *testing.T) {
				attempts = nil
				ci := secure()
				ci.Offered = []string{mech}
				c, err := ClientPolicy{}.Choose(Credentials{Username: tt.user, Token: func(context.Context, string, uint16) (Secret, error) {
					return tt.token, nil
				}}, ci)
				if err != nil {
					t.Fatal(err)
				}
				s, err := a.Server(mech, ci)
				if err != nil {
					t.Fatal(err)
				}
				client, server := converse(t.Context(), c, s)
				if len(attempts) != 1 || (attempts[0] == nil) != tt.want {
					t.Errorf("After saw %v", attempts)
				}
				if tt.want {
					if client != nil || server != nil || s.Identity().Authzid != "ann" {
						t.Errorf("client %v, server %v, identity %+v", client, server, s.Identity())
					}
					return
				}
				_, told := errors.AsType[*OAuthError](client)
				if !told || server != ErrCredentials || s.Identity() != (Identity{}) {
					t.Errorf("client %v, server %v, identity %+v", client, server, s.Identity())
				}
			})
		}
	}
}
