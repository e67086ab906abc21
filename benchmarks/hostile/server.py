"""A server on this machine that answers every request with the same bytes."""

import socket
import threading
import time


class FixedAnswers:
    """Answers every request with `start`, and then with `endless` again and again.

    Attributes:
        start: the first bytes.
        endless: the bytes that follow again and again; empty for the end of the answer.
        pause: the seconds after each time that `endless` is sent.
        drips: whether `start`, too, is sent one byte at a time, with the same pause.
    """

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=20)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/a.gz"
        self.start, self.endless, self.pause, self.drips = b"", b"", 0.0, False
        self.open, self.thread = True, threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Accept no more connections, and end the answers that are endless."""
        self.endless, self.drips, self.open = b"", False, False
        socket.create_connection(self.socket.getsockname()).close()
        self.thread.join()
        self.socket.close()

    def _serve(self) -> None:
        while self.open:
            connection, _ = self.socket.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        start, endless, pause, drips = self.start, self.endless, self.pause, self.drips
        with connection:
            try:
                connection.recv(65536)
                for place in range(len(start) if drips else 0):
                    connection.sendall(start[place : place + 1])
                    time.sleep(pause)
                connection.sendall(b"" if drips else start)
                while endless and self.endless:
                    connection.sendall(endless)
                    time.sleep(pause)
            except OSError:
                return
