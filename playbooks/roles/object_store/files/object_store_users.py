"""The store's users. Keys go to it through a pipe: whoever lists processes sees none."""

import json

from object_store_cluster import NotReadyError, run

# None may make buckets of its own but the owner; -1 is Ceph's word for that.
BUCKETS = {'owner': 16, 'writer': -1, 'restorer': -1}
DISPLAY = {'owner': 'Owner of the buckets', 'writer': 'Writer of backups', 'restorer': 'Reader of backups'}


def metadata(name):
    """Return what the store has of a user, or None."""
    try:
        return json.loads(run(['radosgw-admin', 'metadata', 'get', f'user:{name}']))
    except NotReadyError as error:
        if 'No such file or directory' in str(error):
            return None
        raise


def keys_of(document):
    """Return the keys of a user as a set of pairs."""
    return {(key['access_key'], key['secret_key']) for key in document['data']['keys']}


def settle_user(settling, name, wanted):
    """Given a user and its keys (None: whatever it has), make them so. Return what the store has then, or None."""
    document = metadata(name)
    if document is None:
        if not settling.change(f'user {name}'):
            return None
        run([
            'radosgw-admin', 'user', 'create', f'--uid={name}', f'--display-name={DISPLAY[name]}',
            f'--max-buckets={BUCKETS[name]}',
        ])  # fmt: skip
        document = metadata(name)
    data = document['data']
    surplus = [word for word in ('caps', 'subusers', 'swift_keys') if data.get(word)]
    keys = {(key['id'], key['secret']) for key in wanted} if wanted is not None else keys_of(document)
    free = not data.get('suspended') and not data.get('system')
    same_rights = not surplus and free and data['max_buckets'] == BUCKETS[name]
    if keys == keys_of(document) and same_rights:
        return document
    if not settling.change(f'keys of {name}' if same_rights else f'keys and rights of {name}'):
        return document
    data['keys'] = [
        {'user': name, 'access_key': access, 'secret_key': secret, 'subuser': '', 'active': True}
        for access, secret in sorted(keys)
    ]
    for word in surplus:
        data[word] = []
    data |= {'max_buckets': BUCKETS[name], 'suspended': 0, 'system': False}
    run(['radosgw-admin', 'metadata', 'put', f'user:{name}'], stdin=json.dumps(document))
    document = metadata(name)
    if document is None or keys_of(document) != keys:
        raise NotReadyError(f'the store did not take the keys of {name}')
    return document


def settle(settling):
    """Settle all three users. Return a key of the owner, or None where it is not there (a dry run)."""
    owner = settle_user(settling, 'owner', None)
    for name in ('writer', 'restorer'):
        settle_user(settling, name, settling.wanted['users'][name])
    return next(iter(sorted(keys_of(owner))), None) if owner else None
