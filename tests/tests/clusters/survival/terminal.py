"""Runs a command at its own terminal, presses Ctrl-C once it waits for something, and prints the final screen."""
import fcntl, os, pty, re, signal, struct, sys, termios

child, terminal = pty.fork()
if child == 0:
    # As at a terminal, even if the test runner ignores the signal.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
shown, pressed = b"", False
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    shown += data
    # The progress line begins with a braille character.
    if not pressed and re.search("[\u2800-\u28ff] [^\r\n]*Waiting".encode(), re.sub(rb"\x1b\[[0-9;]*m", b"", shown)):
        pressed = os.write(terminal, b"\x03") == 1

lines, row, column = [""], 0, 0
for piece in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|.", shown.decode(), re.S):
    if piece == "\r":
        column = 0
    elif piece == "\n":
        row += 1
        lines.extend([""] * (row + 1 - len(lines)))
    elif piece.startswith("\x1b"):
        number, command = int(re.sub(r"\D", "", piece) or 0), piece[-1]
        if command == "K":
            lines[row] = "" if number == 2 else lines[row][:column]
        elif command == "A":
            row = max(0, row - max(1, number))
        elif command == "J":
            lines[row] = lines[row][:column]
            del lines[row + 1:]
    else:
        lines[row] = lines[row].ljust(column)[:column] + piece + lines[row][column + 1:]
        column += 1
sys.stdout.write("\n".join(line.rstrip() for line in lines))
sys.stdout.flush()
sys.exit(0 if pressed else 1)
