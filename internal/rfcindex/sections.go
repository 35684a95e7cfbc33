package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// section is a heading of an RFC.
type section struct {
	number, title string
	boilerplate   bool
	required      int // how often its own text says that something must or should be
}

var (
	// heading starts in the first column, where nothing else starts with a
	// number: text and the lines of the table of contents are indented.
	heading  = regexp.MustCompile(`^(?:Appendix |APPENDIX )?(\d{1,2}(?:\.\d+)*|[A-Z](?:\.\d+)*)(?:[.:]? +-{0,2} *|\. *)((?:[A-Z"'<\[]|\d+[a-z-]).*)$`)
	appendix = regexp.MustCompile(`^(?:Appendix|APPENDIX) [A-Z]\b|^[A-Z]\.`)
	// keyword of RFC 2119; those that are explained stand in quotes.
	keyword = regexp.MustCompile(`(?:^|[^"\w])(?:MUST|SHALL|SHOULD|REQUIRED|RECOMMENDED)\b`)
	leaders = regexp.MustCompile(`\.{3}|\. \. `) // of a table of contents
)

// boilerplate is what nobody implements, with all below it.
var boilerplate = regexp.MustCompile(`(?i)references$|^acknowledge?ment|^authors?\b|^editors?\b|^copyright|intellectual property|^contributors|^table of contents|^iana considerations`)

// sections returns the headings of an RFC whose text is rfcNNNN.txt. The error is [fs.ErrNotExist] when there is no text.
func sections(texts fs.FS, rfc int) ([]section, error) {
	data, err := fs.ReadFile(texts, fmt.Sprintf("rfc%04d.txt", rfc))
	if err != nil {
		return nil, err
	}
	return headings(string(data)), nil
}

func headings(text string) []section {
	var list []section
	current := -1 // the section that lines belong to
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n\f")
		m := heading.FindStringSubmatch(line)
		if m == nil || leaders.MatchString(line) || m[1] >= "A" && !appendix.MatchString(line) {
			if current >= 0 {
				list[current].required += len(keyword.FindAllString(line, -1))
			}
			continue
		}
		s := section{number: m[1], title: m[2], boilerplate: boilerplate.MatchString(m[2])}
		known := false
		for _, o := range list {
			known = known || o.number == s.number
			s.boilerplate = s.boilerplate || o.boilerplate && strings.HasPrefix(s.number, o.number+".")
		}
		if !known {
			list = append(list, s)
			current = len(list) - 1
		}
	}
	return list
}
