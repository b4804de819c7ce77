# The unit that the alert names is not on this host.
# with: unit=gone.service
plant() { :; }
after() { grep -q '^VERDICT: gone.service is not on this host; no unit failed$' <<<"$output_look"; }
