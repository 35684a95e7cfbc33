// Package pop3test tests servers, clients and stores of POP3, whoever wrote them.
package pop3test
