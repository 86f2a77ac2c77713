#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make install` into a temporary folder, its man pages and completion held against the command's own --help, and the
# examples of README.md, which are run as they stand there with what was installed.
#   ```sh blocks    run in order, in one shell that ends at the first command that fails
#   <!-- not in the test: WHY -->   on the line before a block: it is not run
#   <!-- then: COMMAND -->          on the line after a block: it must come true, and is waited for
# BIN names the folder of the programs, beside which is the rest of the build.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
B=$(dirname "${BIN:-build/asan/bin}")
SECONDS_EACH=120 # the longest that a block, or what shall come true, may take
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset UPSTANDER_SOCKET MAKEFLAGS MAKELEVEL

passed=0
failed=0

# check "WHAT" command...: does it succeed?
check() {
    local what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        tail -n 20 "$work/log" | sed 's/^/    /'
    fi
}

# same ONE OTHER: the same words, in whatever order?
same() {
    diff <(tr -s ' ' '\n' <<<"$1" | sort -u) <(tr -s ' ' '\n' <<<"$2" | sort -u)
}

# --- installing: under another PREFIX, where it runs; below DESTDIR, as a package is made
install_to() { make --no-print-directory -j2 MODE=asan B="$B" install "$@"; }
files() { (cd "$1" && find . -type f -printf '%m %P\n' | sort -k 2); }
pages=(upstander.1 upstander-clean.1 upstander-figures.5 upstander-node.conf.5 upstander-mapping.5 upstander-broker.8 upstander-node.8)
expected=$(
    printf '755 bin/%s\n' upstander upstander-broker upstander-clean upstander-node
    echo "644 share/upstander/areas.csv"
    for list in deploy/codes/*.csv; do echo "644 share/upstander/codes/${list##*/}"; done
    echo "644 share/bash-completion/completions/upstander"
    for page in "${pages[@]}"; do echo "644 share/man/man${page##*.}/$page"; done
)
prefix=$work/usr
check "make install PREFIX=" install_to PREFIX="$prefix"
check "what is installed" diff <(sort -k 2 <<<"$expected") <(files "$prefix")
check "make install DESTDIR=" install_to DESTDIR="$work/stage"
check "what is installed below DESTDIR" diff <(files "$prefix") <(files "$work/stage/usr/local")
check "the table of areas" cmp deploy/areas/areas.csv "$prefix/share/upstander/areas.csv"
PATH=$prefix/bin:$PATH

# --- man pages: whole, and of today's command
page_is_whole() {
    local file=$prefix/share/man/man${1##*.}/$1 name=${1%.*}
    grep -q "^\.TH \"$name\" \"${1##*.}\"" "$file" &&
        grep -A 2 '^\.SH NAME$' "$file" | sed 's/\\&//g' | grep -q "^$name - "
}
for page in "${pages[@]}"; do
    check "man page $page" page_is_whole "$page"
done
links_hold() {
    local link
    # shellcheck disable=SC2013 # no link holds a blank
    for link in $(grep -rhoE 'upstander[a-z.-]*\*?\([158]\)' deploy/man README.md | sort -u); do
        link=${link//\*/}
        link=${link%)}
        [[ " ${pages[*]} " == *" ${link/(/.} "* ]] || { echo "no page: $link)"; return 1; }
    done
}
check "pages that pages name" links_hold

options_of() {
    "$@" --help | grep -oE -- '(^|[^a-zA-Z0-9-])--?[a-z][a-z0-9-]*' | grep -oE -- '--?[a-z].*' | sort -u | tr '\n' ' '
}
man_words() { sed 's/\\//g' deploy/man/upstander.1.scd | grep -oE -- '\*[^*]+\*' | tr -d '*' | tr ' ' '\n' | sort -u; }
mapfile -t commands < <(upstander --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
steps_of() { upstander "$1" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'; }
mapfile -t steps < <(steps_of roster)
mapfile -t agreement_steps < <(steps_of agreement)
# what is typed before the options, and what --help says that the options are
told=()
all_options="--help --version"
for command in "${commands[@]}"; do
    told+=("$command")
    [[ $command == roster || $command == agreement ]] || all_options+=" $(options_of upstander "$command")"
done
for step in "${steps[@]}"; do
    told+=("roster $step")
    all_options+=" $(options_of upstander roster "$step")"
done
for step in "${agreement_steps[@]}"; do
    told+=("agreement $step")
    all_options+=" $(options_of upstander agreement "$step")"
done
check "commands were found" test "${#commands[@]}" -gt 5 -a "${#steps[@]}" -gt 5
man_tells_all() {
    local word
    for word in "${commands[@]}" "${steps[@]}" "${agreement_steps[@]}" $all_options; do
        man_words | grep -qxF -e "$word" || { echo "upstander(1) is silent about $word"; return 1; }
    done
}
check "upstander(1) has every command and option" man_tells_all
check "upstander(1) has no other option" same "$all_options" "$all_options $(man_words | grep -- '^-.' | tr '\n' ' ')"

# --- completion
complete_for() { # words typed, the last of them to be completed
    bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _upstander; echo "${COMPREPLY[*]}"' \
        bash "$prefix/share/bash-completion/completions/upstander" "$@"
}
check "completion of commands" same "${commands[*]} --help --version" "$(complete_for upstander "")"
check "completion of the directory's steps" same "${steps[*]} --help" "$(complete_for upstander roster "")"
check "completion of the agreements' steps" same "${agreement_steps[*]} --help" "$(complete_for upstander agreement "")"
for words in "${told[@]}"; do
    [[ $words != roster && $words != agreement ]] || continue
    read -ra typed <<<"$words"
    check "completion of upstander $words" same "$(options_of upstander "${typed[@]}")" \
        "$(complete_for upstander "${typed[@]}" -)"
done

# --- README.md: every example becomes a step of one script
awk -v seconds="$SECONDS_EACH" '
    /^<!-- not in the test: .* -->$/ { skip = 1; next }
    /^<!-- then: .* -->$/ {
        sub(/^<!-- then: /, ""); sub(/ -->$/, "")
        printf "SECONDS=0\nuntil { %s; } >/dev/null 2>&1; do within %d; done\necho \"@passed\"\n", $0, seconds
        waits++; next
    }
    /^```sh$/ { inside = 1; if (!skip) blocks++; next }
    /^```/ && inside { inside = 0; if (!skip) print "echo \"@passed\""; skip = 0; next }
    inside && !skip { print }
    END { printf "# blocks %d\n# waits %d\n", blocks, waits }' README.md >"$work/steps"
blocks=$(sed -n 's/^# blocks //p' "$work/steps")
waits=$(sed -n 's/^# waits //p' "$work/steps")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
    # the shell ends what it started, and only that
    cat <<'START'
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
within() { if [ "$SECONDS" -gt "$1" ]; then echo "it does not come true"; exit 1; fi; sleep 0.05; }
START
    sed "s/tcp:\/\/127\.0\.0\.1:5670/tcp:\/\/127.0.0.1:$port/" "$work/steps"
} >"$work/script"
mkdir "$work/folder"
(cd "$work/folder" && timeout --kill-after=10 400 bash "$work/script") >"$work/said" 2>&1 </dev/null
status=$?
done_count=$(grep -c '^@passed$' "$work/said")
passed=$((passed + done_count))
if [ "$status" -ne 0 ] || [ "$done_count" -ne $((blocks + waits)) ] || [ "$blocks" -lt 6 ] || [ "$waits" -lt 3 ]; then
    failed=$((failed + 1))
    echo "FAILED: README.md: $done_count of $((blocks + waits)) steps (exit status $status); its end:"
    tail -n 30 "$work/said" | sed 's/^/    /'
fi
check "the text that arrived" grep -q 'because of my headscarf' "$work"/folder/reports/*.txt

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
