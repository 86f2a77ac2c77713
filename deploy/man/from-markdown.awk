# SPDX-License-Identifier: MIT
# The little of Markdown that docs/mapping.md uses, as scdoc: awk -v title=NAME -v about=TEXT -f this FILE.
# Headings, paragraphs, blocks indented by four blanks, and `code`, which becomes bold.

function plain(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/[*_]/, "\\\\&", text)
    return text
}

function line_of(text,    part, count, i, out) {
    count = split(text, part, "`")
    for (i = 1; i <= count; i++)
        out = out (i % 2 == 0 ? "*" plain(part[i]) "*" : plain(part[i]))
    return out
}

function block(on) {
    if (on != inside)
        print "```"
    inside = on
}

NR == 1 {
    print title "(5) \"Upstander\"\n\n# NAME\n\n" title " - " about "\n\n# DESCRIPTION"
    next
}
/^    / {
    if (!inside && held)
        print ""
    else
        while (held-- > 0)
            print ""
    held = 0
    block(1)
    print substr($0, 5)
    next
}
/^$/ { held++; next }
{
    block(0)
    if (held)
        print ""
    held = 0
}
/^##+ / {
    depth = index($0, " ") - 2
    text = substr($0, depth + 3)
    gsub(/`/, "", text)
    print (depth > 1 ? "## " : "# ") (depth > 1 ? text : toupper(text))
    next
}
{ print line_of($0) }
END { block(0); print "\n# SEE ALSO\n\n*upstander*(1)" }
