"""Runs on a client: asks over one connection until nothing answers. Prints how many were answered, of 40."""

import socket
import ssl
import sys
import time


def main() -> None:
    address, name = sys.argv[1:]
    context = ssl.create_default_context(cafile='/etc/anlan/tls/ca.crt')
    link = context.wrap_socket(socket.create_connection((address, 443), 5), server_hostname=name)
    link.settimeout(3)
    answered = 0
    while answered < 40:
        try:
            link.sendall(f'GET /edgez HTTP/1.1\r\nHost: {name}\r\n\r\n'.encode())
            if b'200' not in link.recv(4096):
                break
        except OSError:
            break
        answered += 1
        time.sleep(0.2)
    print(answered)


if __name__ == '__main__':
    main()
