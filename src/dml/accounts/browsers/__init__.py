"""Sessions of pages: the refresh token rests in a cookie that no script can read.

A page signs in by any way there is, and hands its first refresh token in: it gets the next one as a
cookie, and only access tokens from then on (docs/decisions/0085).
"""
