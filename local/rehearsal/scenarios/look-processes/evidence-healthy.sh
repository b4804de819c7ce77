# Nothing stands out.
plant() { :; }
after() { grep -q '^VERDICT: no process stands out now$' <<<"$output_look"; }
