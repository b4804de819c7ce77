# A program that writes one line for ever, 6,000 times each tenth of a second, without a child: exec perl /opt/flood.pl.

flood() {
  printf '$| = 1; while (1) { print "%s\\n" x 6000; select(undef, undef, undef, 0.1) }\n' "$1" >/opt/flood.pl
}
