# A host with one processor, and programs that keep it busy.

one_processor() {
  printf '#!/bin/sh\necho 1\n' >/opt/host/bin/nproc
  chmod 755 /opt/host/bin/nproc
}

# spin NAME: a program that takes some 40 % of a processor, whoever else is busy on this machine; /run/NAME has its number.
spin() {
  setsid perl -e 'while (1) { my $end = (times)[0] + 0.04; 1 while (times)[0] < $end; select(undef, undef, undef, 0.06) }' \
    >/dev/null 2>&1 </dev/null &
  echo $! >"/run/$1"
}
