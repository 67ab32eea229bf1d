"""Names of the custom search attributes that the engine indexes; registered by `hotwash up` and checked by `doctor`."""

INCIDENT = "HotwashIncident"
SERVICE = "HotwashService"
STATUS = "HotwashStatus"
IS_DRILL = "HotwashDrill"
# The game day that an action item waits for.
REQUIRES_DRILL = "HotwashRequiresDrill"

# Name to the engine's type name, as `temporal operator search-attribute create` wants it.
SEARCH_ATTRIBUTES = {
    INCIDENT: "Keyword",
    SERVICE: "Keyword",
    STATUS: "Keyword",
    IS_DRILL: "Bool",
    REQUIRES_DRILL: "Keyword",
}
