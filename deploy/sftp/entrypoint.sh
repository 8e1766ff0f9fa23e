#!/bin/sh
# Make the keys on the first start, keep them ever after, then serve. How a key is rotated: docs/deployment.md.
# /keys/server stays here: the host keys and who may log in. /keys/client is for the pipeline: its private key and the
# public parts of the host keys, which it pins.
set -eu
umask 022

# One host key, or two of different kinds during a rotation: a client is shown the kind that it asks for.
set -- /keys/server/ssh_host_*_key
[ -s "$1" ] || { set -- /keys/server/ssh_host_ed25519_key && ssh-keygen -q -t ed25519 -N '' -C sftp -f "$1"; }
: > /keys/client/host_key.pub.part
for key in "$@"; do
    shift
    set -- "$@" -h "$key"
    ssh-keygen -y -f "$key" | cut -d ' ' -f 1,2 >> /keys/client/host_key.pub.part
done
mv /keys/client/host_key.pub.part /keys/client/host_key.pub

# The pipeline logs in with id_ed25519; another id_* beside it is let in too.
[ -s /keys/client/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -C laoyouhui -f /keys/client/id_ed25519
allowed=/keys/server/authorized_keys
mkdir -p "$allowed"
: > "$allowed/laoyouhui"
for public in /keys/client/id_*.pub; do
    private=${public%.pub}
    [ ! -e "$private" ] || { chown 50000:50000 "$private" && chmod 0400 "$private"; }
    cat "$public" >> "$allowed/laoyouhui"
done

# A carrier that logs in from outside gives its public key as CARRIER_PUBLIC_KEY, or several, parted by \n; without one
# that account takes nobody. The log says whom it takes.
: > "$allowed/carrier"
printf '%b\n' "${CARRIER_PUBLIC_KEY:-}" | while IFS= read -r public; do
    [ -n "$public" ] || continue
    if shown=$(printf '%s\n' "$public" | ssh-keygen -lf - 2> /dev/null); then
        printf '%s\n' "$public" >> "$allowed/carrier"
        echo "carrier may log in with: $shown"
    else
        echo "CARRIER_PUBLIC_KEY: value '$public' is no public key, expected one as 'ssh-ed25519 AAAA...': mend .env" >&2
    fi
done

# in/ and ack/ are the carrier's to write, out/ ours; both read all of it. What holds them is root's: nobody renames one of
# them or lays another beside it. A link, which the carrier of an older release could lay, is not followed.
exchange=/srv/sftp/exchange
mkdir -p "$exchange"
chown root:root "$exchange"
chmod 0755 "$exchange"
for folder in in out ack .carrier; do # the last: the sample carrier's notes
    if [ -L "$exchange/$folder" ]; then
        echo "$exchange/$folder is a link, expected a folder: ask who laid it, remove it, start again" >&2
        exit 1
    fi
    mkdir -p "$exchange/$folder"
done
chown carrier:carrier "$exchange/in" "$exchange/ack" "$exchange/.carrier"
chown laoyouhui:laoyouhui "$exchange/out"

# Who is shut in logs to /dev/log as he sees it. It is read here and written, as sshd's own log is, to the container's.
mkdir -p /srv/sftp/dev /run/sshd
ln -sf /srv/sftp/dev/log /dev/log
busybox syslogd -n -O - &

exec /usr/sbin/sshd -D -e "$@"
