"""The steps of a canary, run on a client behind the classes of monitoring/learner.py: standard library only.

Reads one JSON object from standard input: `url`, `username`, `password`, `person`. Prints `steps`, each with `reason`.
Besides what goes well, it does what learners do wrong, for that is where data gets into logs.
"""
# ruff: noqa: D102, D103, F821
# mypy: ignore-errors
# ---


class Canary:
    """What the canary does, in this order."""

    def __init__(self, question):
        self.question = question
        self.device = Device(question['url'])
        both = {'password1': question['password'], 'password2': question['password']}
        self.fields = {'username': question['username'], **both, **question['person']}
        self.plain = [value for name, value in question['person'].items() if name != 'consent']

    def slip_of_the_finger(self):
        self.device.form('/accounts/signup/', **(self.fields | {'password2': 'another one'}))
        if self.device.cookie('sessionid'):
            raise LookupError('registered with two different passwords')

    def request_without_a_token(self):
        try:
            Device(self.question['url']).ask('/accounts/signup/', urllib.parse.urlencode(self.fields).encode(), 'POST')
        except RuntimeError as error:
            if ' answered 403' in str(error):
                return
            raise LookupError('a form without a token was not refused with 403') from None
        raise LookupError('a form without a token was taken')

    def sign_up(self):
        self.device.form('/accounts/signup/', **self.fields)
        if not self.device.cookie('sessionid'):
            raise LookupError('the sign-up was refused')

    def own_page(self):
        page = self.device.ask('/accounts/me/').decode()
        if any(value in page for value in self.plain):
            raise LookupError('the page shows personal data whole')
        if not all(value[:1] + '*' in page or value[:3] + '*' in page for value in self.plain):
            raise LookupError('the page does not show the personal data masked')

    def learn(self):
        lesson = published_lesson(self.device)
        self.device.ask(f'/lessons/{lesson["id"]}/')
        save_progress(self.device, lesson, str(uuid.uuid4()), 1.5)

    def same_number_again(self):
        other = Device(self.question['url'])
        other.form('/accounts/signup/', **(self.fields | {'username': self.question['username'] + '-again'}))
        if other.cookie('sessionid'):
            raise LookupError('one identity number registered twice')

    def log_in_again(self):
        other = Device(self.question['url'])
        other.log_in(self.question['username'], self.question['password'])
        leave(other)

    def log_out(self):
        leave(self.device)


def leave(device):
    token = {'csrfmiddlewaretoken': device.cookie('csrftoken')}
    device.ask('/accounts/logout/', urllib.parse.urlencode(token).encode(), 'POST')


def walk(question):
    canary, steps = Canary(question), []
    for name in ('slip_of_the_finger', 'request_without_a_token', 'sign_up', 'own_page', 'learn', 'same_number_again',
                 'log_in_again', 'log_out'):  # fmt: skip
        reason = None
        try:
            getattr(canary, name)()
        except Exception as error:
            reason = f'{type(error).__name__}: {error}'
        steps.append({'name': name, 'reason': reason})
    return {'steps': steps}


json.dump(walk(json.load(sys.stdin)), sys.stdout)
