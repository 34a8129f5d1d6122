"""What somebody hostile writes into names, states, log lines and errors."""

TERMINAL = (
    # titles, places, links, notices
    *("\x1b]0;OWNED\x07", "\x1b]1;OWNED\x1b\\", "\x1b]2;OWNED\x9c", "\x9d0;OWNED\x9c"),
    *("\x1b]7;file://OWNED/\x07", "\x1b]8;;http://OWNED\x07x\x1b]8;;\x07", "\x1b]9;OWNED\x07"),
    *("\x1b]777;notify;OWNED;x\x07", "\x1b]1337;SetMark;OWNED\x07", "\x1bkOWNED\x1b\\"),
    # colours, clipboard, answers typed by the terminal
    *("\x1b]4;1;?\x07OWNED", "\x1b]11;#ff0000\x07OWNED", "\x1b]52;c;T1dORUQ=\x07", "\x1b[6nOWNED"),
    *("\x1b[cOWNED", "\x1b[21tOWNED", "\x1bP$qOWNED\x1b\\", "\x1bP+q4f574e4544\x1b\\"),
    # the screen
    *("\x1b[2JOWNED", "\x1b[HOWNED", "\x1b[?1049lOWNED", "\x1b[?25lOWNED", "\x1b[31mOWNED"),
    *("\x9b31mOWNED", "\x1bcOWNED", "\x1b#8OWNED", "\x1b(0OWNED", "\x1b[8;1;1tOWNED"),
    *(
        "\x1b[5iOWNED",
        "OWNED\x1b[99b",
        "\x1b_GOWNED\x1b\\",
        "\x1b^OWNED\x1b\\",
        "\x1bPqOWNED\x1b\\",
    ),
    # single signs
    *("\x07\x08\x0e\x0f\x7fOWNED", "x\rOWNED\x0b\x0c\x00", "a\nOWNED\tb", "OWNED\x85\x84"),
    # what is not seen
    *("\u202eOWNED", "\u2066OWNED\u2069\u200f", "OW\u200bNED\ufeff\u2060OWNED"),
    *("OWNED\u2028x\u2029", "\U000e0001\U000e0041OWNED", "\udc9bOWNED\ud800", "OWNED\u3164\ufe0f"),
)
"""For the terminal."""
MARKUP = (
    *("[@click=app.owned]OWNED[/]", "[@click=app.leave]OWNED[/]", "[@click='screen.dismiss']OWNED"),
    *('[@click=app.simulate_key("d")]OWNED[/]', "[@mouse.down=app.owned]OWNED[/]"),
    *(
        "[@click=app.owned]",
        "[/run/fleet/units/foo.service:5] OWNED",
        "[red]OWNED[/red",
        "[/]OWNED",
    ),
    *("[[OWNED]]", "[link=http://OWNED]x[/link]", "[b]OWNED[/i]", "\\[OWNED]", "[OWNED", "OWNED]"),
    *(
        "[$primary on $error]OWNED[/]",
        "[#ff0000]OWNED[/#]",
        "[on red blink reverse]OWNED",
        "[=]OWNED",
    ),
    *("[not bold OWNED]x[/not bold OWNED]", "[]OWNED[]"),
)
"""For the widgets."""
