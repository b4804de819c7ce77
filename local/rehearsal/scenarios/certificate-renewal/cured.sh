# The certificate that the web server shows ends in three days.
# with: tlsPort=8443
. /opt/host/lib/certificates.sh
plant() { serve; }
after() { grep -q 'reloaded nginx' <<<"$output_renew"; }
