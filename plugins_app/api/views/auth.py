"""Logging in and out."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from plugins_app.api.documentation import problems
from plugins_app.api.serializers.platform import LoginSerializer, TicketSerializer, TokenSerializer
from plugins_app.api.throttles import Bucket
from plugins_app.api.views.base import OpenView, View, object_of
from plugins_app.services import accounts, tickets


class Login(OpenView):
    throttle_scope = "login"

    @extend_schema(
        auth=[], request=LoginSerializer, responses={200: TokenSerializer, **problems(400)}
    )
    def post(self, request: Request) -> Response:
        """A token for `Authorization: Token …`."""
        asked = LoginSerializer(data=object_of(request))
        asked.is_valid(raise_exception=True)
        attempts = Bucket(scope="username", owner=asked.validated_data["username"].lower())
        if wait := attempts.take():
            raise Throttled(wait, "Too many attempts for this name.")
        login = accounts.login(**asked.validated_data)
        # Only failures count: whoever knows the password may log in as often as they like.
        attempts.give_back()
        return Response({"token": login.token, "expiry": login.expiry})


class Logout(View):
    @extend_schema(
        request=None, responses={204: OpenApiResponse(description="Done."), **problems()}
    )
    def post(self, request: Request) -> Response:
        """Make this token, or the console's session, good for nothing any more."""
        session = None if request.auth else request.session
        accounts.logout(user=request.user, token=request.auth, session=session)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Ticket(View):
    @extend_schema(request=None, responses={200: TicketSerializer, **problems()})
    def post(self, request: Request) -> Response:
        """A single-use ticket for a WebSocket, for a browser that cannot send a header."""
        return Response({"ticket": tickets.issue_ticket(user=request.user)})
