"""The encryption as anybody else would write it: from the description of its bytes, over others' libraries.

Nothing here may look at how libportal does it. What does not open is `Refused`, whatever was wrong with it.
"""

import base64
import hmac
import json
import os
import re
import struct

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey, PyHPKEError

HPKE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
ENVELOPE = re.compile(r'\{"v":([23]),"epoch":(0|[1-9][0-9]{0,15}),"ct":"([A-Za-z0-9+/=]*)"\}')


class Refused(Exception):
    """It does not open."""


def u64(*numbers):
    return b"".join(struct.pack(">Q", number) for number in numbers)


def encode(data):
    return base64.b64encode(data).decode()


def decode(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused("base64") from error
    if encode(data) != text:
        raise Refused("not canonical")
    return data


def hkdf(ikm, info, length):
    return HKDF(hashes.SHA256(), length, salt=None, info=info).derive(ikm)


def mac(key, message):
    return hmac.digest(key, message, "sha256")


def key_pair():
    secret = os.urandom(32)
    return secret, public_key(secret)


def public_key(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def key_check(suite, chat_id, epoch, key):
    return hkdf(key, b"portal/%d check" % suite + u64(chat_id, epoch), 16)


def fingerprint(one, other):
    digest = hkdf(min(one, other) + max(one, other), b"portal fingerprint", 60)
    groups = [int.from_bytes(digest[at : at + 5], "big") % 100000 for at in range(0, 60, 5)]
    return " ".join(f"{group:05}" for group in groups)


# Messages.


def seal(suite, chat_id, epoch, key, sender_id, text):
    plaintext = text.encode()
    if suite == 2:
        nonce = os.urandom(24)
        ct = nonce + nacl.bindings.crypto_secretbox(plaintext, nonce, key)
    else:
        salt = os.urandom(16)
        who = u64(chat_id, epoch, sender_id)
        message_key = mac(hkdf(key, b"portal/3 sender" + who, 32), salt)
        padded = plaintext + b"\x80"
        padded += bytes(-len(padded) % 64)
        box = AESGCM(mac(message_key, b"portal/3 key")).encrypt(bytes(12), padded, who)
        ct = salt + mac(message_key, b"portal/3 commit") + box
    return '{"v":%d,"epoch":%d,"ct":"%s"}' % (suite, epoch, encode(ct))


def taken_apart(suite, epoch, envelope):
    """The bytes of a message that says the right suite and epoch."""
    read = ENVELOPE.fullmatch(envelope)
    if not read or len(envelope) > 4096 or (int(read[1]), int(read[2])) != (suite, epoch):
        raise Refused("envelope")
    assert json.loads(envelope)["ct"] == read[3]
    return decode(read[3])


def open_(suite, chat_id, epoch, key, sender_id, envelope):
    if suite == 3:
        return verify(chat_id, epoch, sender_id, envelope, disclose(chat_id, epoch, key, sender_id, envelope))
    ct = taken_apart(2, epoch, envelope)
    try:
        return nacl.bindings.crypto_secretbox_open(ct[24:], ct[:24], key).decode()
    except (nacl.exceptions.CryptoError, UnicodeDecodeError, ValueError) as error:
        raise Refused("secretbox") from error


def disclose(chat_id, epoch, key, sender_id, envelope):
    ct = taken_apart(3, epoch, envelope)
    return encode(mac(hkdf(key, b"portal/3 sender" + u64(chat_id, epoch, sender_id), 32), ct[:16]))


def verify(chat_id, epoch, sender_id, envelope, disclosure):
    ct, message_key = taken_apart(3, epoch, envelope), decode(disclosure)
    if len(ct) < 128 or len(ct) % 64 != 0:
        raise Refused("length")
    if not hmac.compare_digest(ct[16:48], mac(message_key, b"portal/3 commit")):
        raise Refused("commitment")
    try:
        padded = AESGCM(mac(message_key, b"portal/3 key")).decrypt(bytes(12), ct[48:], u64(chat_id, epoch, sender_id))
    except InvalidTag as error:
        raise Refused("tag") from error
    plaintext, mark, rest = padded.rpartition(b"\x80")
    if not mark or rest.strip(b"\0") or len(rest) > 63:
        raise Refused("padding")
    try:
        return plaintext.decode()
    except UnicodeDecodeError as error:
        raise Refused("UTF-8") from error


# Room keys, wrapped.


def wrap(suite, chat_id, epoch, key, user_id, recipient, secret):
    if suite == 2:
        nonce = os.urandom(24)
        return encode(nonce + nacl.bindings.crypto_box(key, nonce, recipient, secret))
    enc, context = HPKE.create_sender_context(public(recipient), info(chat_id, epoch), sks=private(secret))
    return encode(enc + context.seal(key, u64(user_id)))


def unwrap(suite, chat_id, epoch, blob, user_id, secret, sender, check):
    data = decode(blob)
    if len(data) != {2: 72, 3: 80}[suite]:
        raise Refused("length")
    try:
        if suite == 2:
            key = nacl.bindings.crypto_box_open(data[24:], data[:24], sender, secret)
        else:
            context = HPKE.create_recipient_context(
                data[:32], private(secret), info(chat_id, epoch), pks=public(sender)
            )
            key = context.open(data[32:], u64(user_id))
    except (nacl.exceptions.CryptoError, PyHPKEError, ValueError) as error:
        raise Refused("blob") from error
    if check != key_check(suite, chat_id, epoch, key):
        raise Refused("check")
    return key


def info(chat_id, epoch):
    return b"portal/3 room key" + u64(chat_id, epoch)


def private(secret):
    return KEMKey.from_pyca_cryptography_key(X25519PrivateKey.from_private_bytes(secret))


def public(key):
    return KEMKey.from_pyca_cryptography_key(X25519PublicKey.from_public_bytes(key))
