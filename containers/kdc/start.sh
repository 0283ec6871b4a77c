#!/bin/bash
# A small MIT realm for trying things out: made at the first start, with a keytab for the service.
set -euo pipefail
home=${KDC_HOME:-/var/lib/kdc} port=${KDC_PORT:-8888}
export PATH=$PATH:/usr/sbin KRB5_CONFIG=$home/krb5.conf KRB5_KDC_PROFILE=$home/kdc.conf
cat >"$KRB5_CONFIG" <<EOF
[libdefaults]
 default_realm = $REALM
 dns_lookup_kdc = false
 rdns = false
 udp_preference_limit = 1
[realms]
 $REALM = {
  kdc = 127.0.0.1:$port
 }
EOF
cat >"$KRB5_KDC_PROFILE" <<EOF
[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = 0.0.0.0:$port
[realms]
 $REALM = {
  database_name = $home/principal
  key_stash_file = $home/stash
  acl_file = $home/kadm5.acl
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  default_principal_flags = +preauth
 }
[logging]
 kdc = STDERR
 default = STDERR
EOF
if [ ! -e "$home/stash" ]; then
    umask 077
    head -c 32 /dev/urandom | base64 >"$home/master"
    kdb5_util create -s -r "$REALM" <<<"$(cat "$home/master" "$home/master")" >/dev/null
    rm "$home/master"
    kadmin.local addprinc -randkey "$SERVICE"
fi
if [ ! -e "$KEYTAB" ]; then
    kadmin.local ktadd -norandkey -k "$KEYTAB" "$SERVICE"
fi
# People: kadmin.local addprinc alice
exec krb5kdc -n
