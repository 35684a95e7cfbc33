// Rfcindex prints which section of which RFC the module cites, where code does
// and where tests do, as a Markdown table:
//
//	go run ./internal/rfcindex -rfc 5321,2920
//
// With -gaps it compares the citations with the texts of the RFCs: it prints
// the sections that nothing cites, and the citations of sections that the text
// does not have. The texts are files rfcNNNN.txt in the directory -texts.
//
// With -coverage it counts: of each RFC the sections with requirements, and which
// of them code and tests cite. That is docs/coverage.md.
//
// A citation is spelt "RFC 5321, section 4.1.4", or "sections 4.1.4 and 4.2",
// and may go on with "section 4.5" up to the end of the sentence; an appendix is
// "appendix B". They are read from comments, from the names of tests such as
// TestRFC5321_4_1_4_RcptBeforeMail, from the comments of transcripts in testdata,
// and from the strings of tests and conformance suites.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "rfcindex:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("rfcindex", flag.ContinueOnError)
	root := flags.String("root", ".", "the root of the module")
	only := flags.String("rfc", "", "restrict to these RFCs, as numbers with commas between")
	gaps := flags.Bool("gaps", false, "compare with the texts of the RFCs")
	counts := flags.Bool("coverage", false, "count the sections with requirements that are cited")
	texts := flags.String("texts", "../shared/rfc", "the directory of the texts, from the root of the module or absolute")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	numbers, err := parseNumbers(*only)
	if err != nil {
		return err
	}
	index, err := scan(os.DirFS(*root))
	if err != nil {
		return err
	}
	index.restrict(numbers)
	if !*gaps && !*counts {
		return index.writeTable(out)
	}
	dir := *texts
	if !strings.HasPrefix(dir, "/") {
		dir = *root + "/" + dir
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no texts of RFCs in %s; name their directory with -texts", dir)
	}
	if *counts {
		return index.writeCoverage(out, os.DirFS(dir))
	}
	return index.writeGaps(out, os.DirFS(dir), numbers)
}

func parseNumbers(s string) ([]int, error) {
	var numbers []int
	for field := range strings.SplitSeq(s, ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		n, err := strconv.Atoi(field)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("not the number of an RFC: %q", field)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
