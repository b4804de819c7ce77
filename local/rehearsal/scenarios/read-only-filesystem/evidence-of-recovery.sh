# /data is writable again.
plant() { :; }
after() { grep -q '^VERDICT: /data is writable now' <<<"$output_look"; }
