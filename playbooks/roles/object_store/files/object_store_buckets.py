"""The store's buckets: versions, locks, who may do what, how long old versions stay, how much they may take."""

import base64
import hashlib
import json

import boto3
import botocore.config
import botocore.exceptions
from object_store_cluster import NotReadyError, StoreError, run

AUTHORITY_FILE = '/etc/anlan/tls/ca.crt'
MIB = 1024 * 1024
# A marker hides an object, nothing more: the version below stays, so a stolen key destroys nothing.
WRITER_OBJECTS = ('GetObject', 'PutObject', 'DeleteObject', 'AbortMultipartUpload', 'ListMultipartUploadParts')
# Deleting many objects at once Ceph holds against the bucket first, then against each object.
WRITER_BUCKET = ('ListBucket', 'ListBucketMultipartUploads', 'DeleteObject')
RESTORER_OBJECTS = ('GetObject', 'GetObjectVersion')
RESTORER_BUCKET = ('ListBucket', 'ListBucketVersions')
# What others wrote is theirs: without this its owner could bring nothing back. Locks hold for the owner, too.
OWNER_OBJECTS = ('GetObject', 'GetObjectVersion', 'PutObject', 'DeleteObject', 'DeleteObjectVersion')
# Whoever relies on a bucket looks first whether it keeps and locks what it is given.
BOTH_BUCKET = ('GetBucketLocation', 'GetBucketVersioning', 'GetBucketObjectLockConfiguration')
# Who wrote an object has rights over it without any policy; a denial is stronger than those.
DENIED_OBJECTS = (
    'DeleteObjectVersion', 'PutObjectRetention', 'PutObjectLegalHold', 'BypassGovernanceRetention', 'PutObjectAcl',
    'PutObjectVersionAcl', 'DeleteObjectVersionTagging', 'PutObjectVersionTagging',
)  # fmt: skip
DENIED_BUCKET = (
    'DeleteBucket', 'DeleteBucketPolicy', 'PutBucketPolicy', 'PutBucketAcl', 'PutBucketVersioning',
    'PutBucketObjectLockConfiguration', 'PutLifecycleConfiguration', 'PutBucketCORS', 'PutBucketLogging',
    'PutBucketNotification', 'PutBucketTagging', 'PutBucketWebsite', 'DeleteBucketWebsite',
    'PutReplicationConfiguration',
    'PutBucketEncryption', 'PutBucketPublicAccessBlock', 'PutBucketRequestPayment', 'DeleteBucketPublicAccessBlock',
)  # fmt: skip
WRITING = (
    'PutObject', 'DeleteObject', 'AbortMultipartUpload', 'RestoreObject', 'PutObjectTagging', 'DeleteObjectTagging',
)  # fmt: skip


def policy(bucket):
    """Given a bucket's name, return who may do what in it; what is not said is refused."""
    whole, inside = f'arn:aws:s3:::{bucket}', f'arn:aws:s3:::{bucket}/*'

    def statement(name, effect, users, actions, resource):
        return {
            'Sid': name, 'Effect': effect, 'Principal': {'AWS': [f'arn:aws:iam:::user/{user}' for user in users]},
            'Action': [f's3:{action}' for action in actions], 'Resource': [resource],
        }  # fmt: skip

    everybody = ('writer', 'restorer')
    return {
        'Version': '2012-10-17',
        'Statement': [
            statement('OwnerObjects', 'Allow', ('owner',), OWNER_OBJECTS, inside),
            statement('WriterObjects', 'Allow', ('writer',), WRITER_OBJECTS, inside),
            statement('WriterBucket', 'Allow', ('writer',), WRITER_BUCKET + BOTH_BUCKET, whole),
            statement('RestorerObjects', 'Allow', ('restorer',), RESTORER_OBJECTS, inside),
            statement('RestorerBucket', 'Allow', ('restorer',), RESTORER_BUCKET + BOTH_BUCKET, whole),
            statement('NoVersionNoLock', 'Deny', everybody, DENIED_OBJECTS, inside),
            statement('NoConfiguration', 'Deny', everybody, DENIED_BUCKET, whole),
            statement('RestorerWritesNothing', 'Deny', ('restorer',), WRITING, inside),
        ],
    }


def lifecycle(lock_days, margin_days):
    """Return how long what nobody sees any more stays: versions their lock and a margin, broken uploads the margin."""
    return [
        {
            'ID': 'anlan', 'Status': 'Enabled', 'Filter': {'Prefix': ''},
            'NoncurrentVersionExpiration': {'NoncurrentDays': lock_days + margin_days},
            'AbortIncompleteMultipartUpload': {'DaysAfterInitiation': margin_days},
            'Expiration': {'ExpiredObjectDeleteMarker': True},
        }
    ]  # fmt: skip


# Ceph 18 takes every policy and every writing for public: with the other three it refuses our policy and all objects.
NO_PUBLIC = {
    'BlockPublicAcls': False, 'IgnorePublicAcls': True, 'BlockPublicPolicy': False, 'RestrictPublicBuckets': False,
}  # fmt: skip


def client(address, port, key):
    """Given a key (identity and secret), return a client of the store on this host."""
    made = boto3.client(
        's3', endpoint_url=f'https://{address}:{port}', region_name='default', aws_access_key_id=key[0],
        aws_secret_access_key=key[1], verify=AUTHORITY_FILE,
        config=botocore.config.Config(
            connect_timeout=5, read_timeout=30, retries={'total_max_attempts': 2}, s3={'addressing_style': 'path'},
            signature_version='s3v4', request_checksum_calculation='when_required',
            response_checksum_validation='when_required', proxies={},
        ),
    )  # fmt: skip
    # Ceph takes a lifecycle only with this header, which newer clients send no more.
    made.meta.events.register('before-call.s3.PutBucketLifecycleConfiguration', add_digest)
    return made


def add_digest(params, **_):
    """Give a request the digest of its body."""
    body = params['body'] if isinstance(params['body'], bytes) else params['body'].encode()
    params['headers']['Content-MD5'] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


class Bucket:
    """One bucket as it is, and the means to make it as it should be."""

    def __init__(self, s3, name):
        self.s3 = s3
        self.name = name

    def call(self, name, *absent, **arguments):
        """Return the answer of a call, or None where the store says that there is none of it.

        Raise NotReadyError if it does not answer or is overloaded, StoreError if it refuses: no waiting helps then.
        """
        try:
            return getattr(self.s3, name)(Bucket=self.name, **arguments)
        except botocore.exceptions.ClientError as error:
            if error.response['Error']['Code'] in absent:
                return None
            # Just made, a key may not be known everywhere yet.
            later = error.response['ResponseMetadata']['HTTPStatusCode'] >= 500 or 'InvalidAccessKeyId' in str(error)
            raise (NotReadyError if later else StoreError)(f'{name} of {self.name}: {error}') from None
        except botocore.exceptions.BotoCoreError as error:
            raise NotReadyError(f'{name} of {self.name}: {error}') from None


def settle_bucket(settling, s3, name, wanted, margin_days):
    """Make a bucket and bring it to what is wanted."""
    bucket = Bucket(s3, name)
    if bucket.call('head_bucket', '404', 'NoSuchBucket') is None:
        if not settling.change(f'bucket {name}'):
            return
        bucket.call('create_bucket', ObjectLockEnabledForBucket=True)
    if bucket.call('get_bucket_versioning').get('Status') != 'Enabled' and settling.change(f'{name} keeps versions'):
        bucket.call('put_bucket_versioning', VersioningConfiguration={'Status': 'Enabled'})
    lock = {
        'ObjectLockEnabled': 'Enabled',
        'Rule': {'DefaultRetention': {'Mode': 'COMPLIANCE', 'Days': int(wanted['lock_days'])}},
    }
    present = bucket.call('get_object_lock_configuration', 'ObjectLockConfigurationNotFoundError') or {}
    if present.get('ObjectLockConfiguration') != lock and settling.change(f'{name} locks {wanted["lock_days"]} days'):
        bucket.call('put_object_lock_configuration', ObjectLockConfiguration=lock)
    closed = bucket.call('get_public_access_block', 'NoSuchPublicAccessBlockConfiguration') or {}
    if closed.get('PublicAccessBlockConfiguration') != NO_PUBLIC and settling.change(f'{name} is closed to the public'):
        bucket.call('put_public_access_block', PublicAccessBlockConfiguration=NO_PUBLIC)
    rights = bucket.call('get_bucket_policy', 'NoSuchBucketPolicy')
    other = rights is None or json.loads(rights['Policy']) != policy(name)
    if other and settling.change(f'rights in {name}'):
        bucket.call('put_bucket_policy', Policy=json.dumps(policy(name)))
    rules = lifecycle(int(wanted['lock_days']), margin_days)
    stay = bucket.call('get_bucket_lifecycle_configuration', 'NoSuchLifecycleConfiguration') or {}
    other = [rule_of(one) for one in stay.get('Rules', [])] != rules
    if other and settling.change(f'how long versions stay in {name}'):
        bucket.call('put_bucket_lifecycle_configuration', LifecycleConfiguration={'Rules': rules})


def rule_of(rule):
    """Return a rule of the store as we write one: it says an empty filter in several ways."""
    found = {key: value for key, value in rule.items() if key not in ('Prefix', 'Filter')}
    prefix = (rule.get('Filter') or {}).get('Prefix') or rule.get('Prefix') or ''
    return found | {'Filter': {'Prefix': prefix}}


def statistics():
    """Return what the store counts, by bucket: bytes and objects of all versions, and the quota."""
    return {one['bucket']: one for one in json.loads(run(['radosgw-admin', 'bucket', 'stats']))}


def used(count):
    """Given a bucket's statistics, return its bytes and objects, all versions together."""
    usage = count.get('usage', {}).values()
    return sum(one.get('size_actual', 0) for one in usage), sum(one.get('num_objects', 0) for one in usage)


def settle_quotas(settling, buckets):
    """Hold each bucket to its quota: a stolen key can fill the store with locked junk, but one bucket's share alone."""
    counts = statistics()
    for name, wanted in buckets.items():
        if name not in counts:
            continue
        size = int(wanted['quota_mib']) * MIB
        quota = counts[name]['bucket_quota']
        if quota.get('max_size') == size and quota.get('enabled'):
            continue
        if settling.change(f'{name} takes up to {wanted["quota_mib"]} MiB'):
            about = [f'--bucket={name}', '--quota-scope=bucket']
            run(['radosgw-admin', 'quota', 'set', *about, f'--max-size={size}'])
            run(['radosgw-admin', 'quota', 'enable', *about])


def settle(settling, key):
    """Settle every bucket as the owner."""
    s3 = client(settling.wanted['address'], settling.wanted['port'], key)
    for name, wanted in settling.wanted['buckets'].items():
        settle_bucket(settling, s3, name, wanted, settling.wanted['margin_days'])
    settle_quotas(settling, settling.wanted['buckets'])
