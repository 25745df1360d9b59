"""Hands a monitoring host an entry, with the certificate and key on standard input (nothing: without one).

Prints the status of the answer, or `refused` and why. Arguments: address, port, host name of the server, the entry.
"""

import http.client
import ssl
import sys
import tempfile

address, port, name, entry = sys.argv[1:]
context = ssl.create_default_context(cafile='/etc/anlan/tls/ca.crt')
credentials = sys.stdin.read()
with tempfile.NamedTemporaryFile('w', suffix='.pem') as file:
    file.write(credentials)
    file.flush()
    if credentials.strip():
        context.load_cert_chain(file.name)


class Connection(http.client.HTTPSConnection):
    """To an address, with the name that the server's certificate must have."""

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = context.wrap_socket(self.sock, server_hostname=name)


try:
    connection = Connection(address, int(port), timeout=10)
    connection.request(
        'POST',
        '/upload',
        (entry.replace('\\n', '\n') + '\n\n').encode(),
        {'Content-Type': 'application/vnd.fdo.journal'},
    )
    print(connection.getresponse().status)
except (OSError, http.client.HTTPException) as error:
    print(f'refused: {error}')
