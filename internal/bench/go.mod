module github.com/mailwire/mailwire/internal/bench

go 1.26.0

require (
	github.com/emersion/go-smtp v0.25.1
	github.com/mailwire/mailwire v0.0.0
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	golang.org/x/crypto v0.59.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
)

replace github.com/mailwire/mailwire => ../..
