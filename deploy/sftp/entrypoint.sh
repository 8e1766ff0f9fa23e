#!/bin/sh
# Make the keys on the first start, keep them ever after, then serve.
# /keys/server stays here: the host key and who may log in. /keys/client is for the pipeline: its private key and the host
# key's public part, which it pins.
set -eu
umask 022

host_key=/keys/server/ssh_host_ed25519_key
client_key=/keys/client/id_ed25519
[ -s "$host_key" ] || ssh-keygen -q -t ed25519 -N '' -C sftp -f "$host_key"
[ -s "$client_key" ] || ssh-keygen -q -t ed25519 -N '' -C laoyouhui -f "$client_key"
chown 50000:50000 "$client_key"
chmod 0400 "$client_key"
cut -d ' ' -f 1,2 "$host_key.pub" > /keys/client/host_key.pub

# A carrier that logs in from outside gives its public key as CARRIER_PUBLIC_KEY; without one that account takes nobody.
mkdir -p /keys/server/authorized_keys
cp "$client_key.pub" /keys/server/authorized_keys/laoyouhui
printf '%s\n' "${CARRIER_PUBLIC_KEY:-}" > /keys/server/authorized_keys/carrier

# in/ and ack/ are the carrier's to write, out/ ours; both read all of it. What holds them is root's: nobody renames one of
# them or lays another beside it.
exchange=/srv/sftp/exchange
mkdir -p "$exchange/in" "$exchange/out" "$exchange/ack" /run/sshd
mkdir -p "$exchange/.carrier" # the sample carrier's notes
chown root:root "$exchange"
chmod 0755 "$exchange"
chown carrier:carrier "$exchange/in" "$exchange/ack" "$exchange/.carrier"
chown laoyouhui:laoyouhui "$exchange/out"

exec /usr/sbin/sshd -D -e
