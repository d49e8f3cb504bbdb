"""A real OpenID provider on loopback: Authlib's authorization server with PKCE, in memory. spoil: what it may do wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from types import SimpleNamespace

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "licheng", "the secret of licheng at the provider"
KEY, OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"}), RSAKey.generate_key(2048, {"kid": "one"})


def in_base64(content):
    return urlsafe_b64encode(content).rstrip(b"=").decode()


class Client(ClientMixin):
    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri.endswith("/login/school/return")

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class Code(SimpleNamespace):
    """What an authorization code stands for."""

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return int(time.time())

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class Provider:
    """The server, and who is logged in at it: person holds the claims of the next one who comes."""

    def __init__(self):
        self.person = {"sub": "1", "email": "", "email_verified": True}
        self.spoil = lambda claims: claims  # claims → claims
        self.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)
        self.codes = {}
        self.said_issuer = None
        self.asked = []
        app = Flask("provider")
        server = AuthorizationServer(app, lambda client_id: Client() if client_id == CLIENT else None, lambda *_: None)
        provider = self

        class Grant(grants.AuthorizationCodeGrant):
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

            def save_authorization_code(self, code, request):
                payload = request.payload
                provider.codes[code] = Code(
                    code=code, redirect_uri=payload.redirect_uri, scope=payload.scope, nonce=payload.data.get("nonce"),
                    code_challenge=payload.data["code_challenge"], code_challenge_method=payload.data["code_challenge_method"],
                    person=request.user,
                )  # fmt: skip

            def query_authorization_code(self, code, client):
                return provider.codes.get(code)

            def delete_authorization_code(self, authorization_code):
                del provider.codes[authorization_code.code]

            def authenticate_user(self, authorization_code):
                return authorization_code.person

        class Token(OpenIDCode):
            def exists_nonce(self, nonce, request):
                return False

            def generate_user_info(self, user, scope):
                return UserInfo(**user)

            def encode_id_token(self, token, request):
                now = int(time.time())
                claims = {"iss": provider.issuer, "aud": [CLIENT], "iat": now, "exp": now + 300}
                claims |= {"nonce": request.authorization_code.get_nonce(), **request.user}
                return provider.sign(provider.spoil(claims))

        server.register_grant(Grant, [Token(require_nonce=True), CodeChallenge(required=True)])

        @app.get("/.well-known/openid-configuration")
        def _discovery():
            root = provider.issuer
            return jsonify(
                issuer=provider.said_issuer or root, authorization_endpoint=f"{root}/authorize", token_endpoint=f"{root}/token",
                jwks_uri=f"{root}/keys",
            )  # fmt: skip

        @app.get("/authorize")
        def _authorize():
            provider.asked.append(request.args.to_dict())
            grant = server.get_consent_grant(end_user=provider.person)
            return server.create_authorization_response(grant_user=dict(provider.person), grant=grant)

        @app.post("/token")
        def _token():
            return server.create_token_response()

        @app.get("/keys")
        def _keys():
            return jsonify(keys=[KEY.as_dict(private=False)])

        self.server = make_server("localhost", 0, app, threaded=True)
        self.issuer = f"http://localhost:{self.server.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def sign_with(self, kind):
        """Return a wrong way to sign: by another key, not at all, or by the public key as if it were a secret."""
        if kind == "other key":
            return lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, OTHER_KEY)
        # By hand, since a library that is any good refuses to do it.
        header = {"alg": "none"} if kind == "none" else {"alg": "HS256", "kid": "one"}

        def forge(claims):
            signed = f"{in_base64(json.dumps(header).encode())}.{in_base64(json.dumps(claims).encode())}"
            seal = hmac.new(KEY.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
            return f"{signed}.{'' if kind == 'none' else in_base64(seal)}"

        return forge

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
