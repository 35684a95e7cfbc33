package main

import (
	"fmt"
	"strings"
	"time"
)

// when is a time as short as it is clear.
func when(t time.Time) string {
	switch now := time.Now(); {
	case t.IsZero():
		return ""
	case t.Local().Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Local().Format(time.TimeOnly)
	}
	return t.Local().Format("2006-01-02 15:04")
}

func sizeText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// count is a number with its thousands apart.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// names are addresses as a list shows them: the names of those who have one.
func names(all []address) string {
	var b strings.Builder
	for i, a := range all {
		if i == 3 {
			if len(all) == maxAddresses { // of them are known
				b.WriteString(" and many more")
			} else {
				fmt.Fprintf(&b, " and %d more", len(all)-i)
			}
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if a.Name != "" {
			b.WriteString(a.Name)
		} else {
			b.WriteString(a.Address)
		}
	}
	return b.String()
}

// cut returns the first characters of a text.
func cut(s string, most int) string {
	for i := range s {
		if most == 0 {
			return s[:i] + "…"
		}
		most--
	}
	return s
}
