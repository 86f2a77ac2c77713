#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Three signatories make a directory of two organisations and a broker; two of them sign. Then what must be refused.
# BIN names the folder of the programs.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
BIN=$(cd "${BIN:-build/asan/bin}" && pwd)
U=$BIN/upstander
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

passed=0
failed=0

# expect STATUS "TEXT OR EMPTY" command...: does it end so, and say so?
expect() {
    local status=$1 text=$2 got
    shift 2
    "$@" >log 2>&1 </dev/null
    got=$?
    if [ "$got" -eq "$status" ] && { [ -z "$text" ] || grep -qF -- "$text" log; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $* (exit status $got, expected $status; \"$text\"):"
        sed 's/^/    /' log
    fi
}

# --- keys
for n in 1 2 3; do
    expect 0 '"key"' "$U" init "s$n" --steward --member "steward-$n" --name "Signatory $n"
done
expect 0 '"role": "POLICE"' "$U" init force --member a-force --role police --telephone-24h "01632 960999"
expect 0 '' "$U" init charity --member b-charity --role charity
expect 0 '' "$U" init hub --broker --member hub-1 --endpoint tcp://127.0.0.1:5670
expect 0 '' "$U" init other --steward --member steward-9
expect 0 '700' stat -c %a force
expect 0 '600' stat -c %a force/keys
expect 1 'not replaced' "$U" init force --member a-force --role police
expect 2 '--role' "$U" init new --member c-council
expect 2 '--member' "$U" init new --member "No Good" --role council
expect 2 '--endpoint' "$U" init new --broker --member hub-2 --endpoint http://x
expect 1 '' test -e new
echo "correct horse" >phrase
expect 1 'chmod 600' "$U" init locked --steward --member steward-4 --passphrase-file phrase
chmod 600 phrase
expect 0 '' "$U" init locked --steward --member steward-4 --passphrase-file phrase

# --- the directory
expect 0 'version 1' "$U" roster new --name "Northford exercise" --exercise --threshold 2 \
    --steward s1/steward.json s2/steward.json locked/steward.json --days 90 -o roster
expect 1 'not replaced' "$U" roster new --name X --threshold 1 --steward s1/steward.json --days 9 -o roster
expect 1 'threshold' "$U" roster new --name X --threshold 2 --steward s1/steward.json --days 9 -o other.roster
expect 1 'ONS code' "$U" roster add roster --member force/member.json --area X1 --hub hub
expect 0 'version 1' "$U" roster add roster --member force/member.json --area E23000021 --hub hub
expect 0 'version 1' "$U" roster add roster --member charity/member.json --area E06000016 E23000021 --hub hub
expect 1 'already' "$U" roster add roster --member force/member.json --area E23000021 --hub hub
expect 1 'no field of that name' "$U" roster add roster --member other/steward.json --area E23000021 --hub hub
expect 0 'version 1' "$U" roster hub roster --hub hub --broker hub/broker.json
agreement=(--from charity --to police --area E23000021 --retention-days 365 --contact "Information lead"
    --valid-from 2026-01-01 --review 2027-01-01)
expect 0 'version 1' "$U" roster agreement roster "${agreement[@]}" --level identified --k 5
expect 2 '--level' "$U" roster agreement roster "${agreement[@]}" --level everything
expect 2 '--k' "$U" roster agreement roster "${agreement[@]}" --level anonymised --k 2
expect 2 '--withheld' "$U" roster agreement roster "${agreement[@]}" --level identified --withheld name

# --- two of three sign
pin=$("$U" roster stewards roster)
expect 0 '' test ${#pin} -eq 64
expect 1 'fewer valid signatures' "$U" roster verify roster
expect 0 'signed by 1' "$U" roster sign roster --key s1/keys
expect 1 'signed roster already' "$U" roster sign roster --key s1/keys
expect 1 'fewer valid signatures' "$U" roster verify roster --stewards "$pin"
expect 1 'none of the signatories' "$U" roster sign roster --key other/keys
expect 1 'no key file' "$U" roster sign roster --key force/keys
expect 1 'needs its passphrase' "$U" roster sign roster --key locked/keys
echo "wrong horse" >wrong
chmod 600 wrong
expect 1 'needs its passphrase' "$U" roster sign roster --key locked/keys --passphrase-file wrong
cp s2/keys open.keys
chmod 644 open.keys
expect 1 'chmod 600' "$U" roster sign roster --key open.keys
expect 0 'signed by 2' "$U" roster sign roster --key locked/keys --passphrase-file phrase
expect 0 'signed as it must be' "$U" roster verify roster --stewards "$pin"
expect 0 'EXERCISE - not real' "$U" roster show roster
expect 0 '"threshold": 2' "$U" roster show roster --json
expect 1 'not those you were told of' "$U" roster verify roster --stewards "$(printf '0%.0s' {1..64})"
expect 2 'hexadecimal' "$U" roster verify roster --stewards 12

# --- tampering: one byte of a name, of a signature, of the end
cp roster good
python3 - <<'PY'
data = open("good", "rb").read()
at = data.index(b"Northford")
open("bad-name", "wb").write(data[:at] + b"S" + data[at + 1:])
open("bad-signature", "wb").write(data[:-1] + bytes([data[-1] ^ 1]))
open("bad-end", "wb").write(data[:-7])
PY
expect 1 'fewer valid signatures' "$U" roster verify bad-name
expect 1 'fewer valid signatures' "$U" roster verify bad-signature
expect 1 'no directory file' "$U" roster verify bad-end
expect 1 'no directory file' "$U" roster verify force/keys

# --- a change takes signatures off and raises the version once
expect 0 'version 2' "$U" roster revoke roster --member b-charity
expect 0 'version 2' "$U" roster renew roster --days 30
expect 1 'no c-council' "$U" roster revoke roster --member c-council
expect 1 'fewer valid signatures' "$U" roster verify roster
expect 0 'signed by 1' "$U" roster sign roster --key s1/keys
expect 0 'signed by 2' "$U" roster sign roster --key s2/keys
expect 0 'version 2 is signed' "$U" roster verify roster --stewards "$pin"
expect 0 'shut out' "$U" roster show roster

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
