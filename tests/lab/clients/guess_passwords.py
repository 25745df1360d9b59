"""Runs on a client: logs in with wrong passwords until nothing answers. Prints the last answer and the attempts."""

import http.client
import socket
import ssl
import sys
import urllib.parse

MAXIMUM = 200
TOKEN = 'csrfmiddlewaretoken" value="'


def main() -> None:
    name, address = sys.argv[1:]
    context = ssl.create_default_context(cafile='/etc/anlan/tls/ca.crt')
    page = f'https://{name}/accounts/login/'
    answers: list[object] = []
    for attempt in range(MAXIMUM):
        try:
            link = http.client.HTTPSConnection(name, context=context, timeout=3)
            plain = socket.create_connection((address, 443), 3)
            link.sock = context.wrap_socket(plain, server_hostname=name)
            link.request('GET', '/accounts/login/')
            shown = link.getresponse()
            text = shown.read().decode()
            cookie = (shown.getheader('Set-Cookie') or '').split(';')[0]
            token = text.split(TOKEN)[1].split('"')[0] if TOKEN in text else ''
            form = {'username': 'nobody', 'password': f'guess {attempt}', 'csrfmiddlewaretoken': token}
            kind = 'application/x-www-form-urlencoded'
            headers = {'Cookie': cookie, 'Referer': page, 'Content-Type': kind}
            link.request('POST', '/accounts/login/', urllib.parse.urlencode(form), headers)
            answers.append(link.getresponse().status)
            link.close()
        except OSError as error:
            answers.append(type(error).__name__)
            break
    print(answers[-1], len(answers))


if __name__ == '__main__':
    main()
