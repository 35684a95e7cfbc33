package dnsmx

// A Finding is something that a domain's owner would like to hear of: in a report,
// if Result is set, and in any case in our log.
type Finding struct {
	Host   Name   // zero: about the domain
	Policy string // PolicyTLSA, PolicySTS, or nothing
	Result string // a result type of RFC 8460, section 4.3, or nothing
	Detail string // for people; text from the DNS is quoted in it
}

// The policy types of RFC 8460, section 4.2.
const (
	PolicyTLSA = "tlsa"
	PolicySTS  = "sts"
	PolicyNone = "no-policy-found"
)

// The result types of RFC 8460, section 4.3.
const (
	ResultNoSTARTTLS    = "starttls-not-supported"
	ResultHostMismatch  = "certificate-host-mismatch"
	ResultExpired       = "certificate-expired"
	ResultNotTrusted    = "certificate-not-trusted"
	ResultFailure       = "validation-failure"
	ResultTLSAInvalid   = "tlsa-invalid"
	ResultDNSSECInvalid = "dnssec-invalid"
	ResultDANERequired  = "dane-required"
	ResultSTSFetch      = "sts-policy-fetch-error"
	ResultSTSInvalid    = "sts-policy-invalid"
	ResultSTSWebPKI     = "sts-webpki-invalid"
)

// A PolicyError is the reason against a host that has addresses: a policy of the
// recipient's domain forbids it, or could not be found out. Plan.Relaxed lifts it.
type PolicyError struct {
	Policy, Result string // as in Finding
	Err            error
}

func (e *PolicyError) Error() string {
	return "dnsmx: policy " + e.Policy + ": " + e.Result + ": " + e.Err.Error()
}

func (e *PolicyError) Unwrap() error { return e.Err }
