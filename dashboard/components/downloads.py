"""The links to a table's files, which the server makes: the same figures, scope and an audit line."""

from dash import html
from flask_babel import gettext as _


def downloads(key: str, query: str, *, what: str = "", as_text: bool = False) -> html.Div:
    """Link to /exports/<key> as CSV, Excel and ODS with the page's query string; only where the person may export.

    what: names the file where it is not the table above. as_text: there is a version to paste into a message as well.
    """
    words = {"csv": _("下載 CSV"), "xlsx": _("下載 Excel"), "ods": _("下載 ODS")}
    if what:
        words = {"csv": f"{what} CSV", "xlsx": f"{what} Excel", "ods": f"{what} ODS"}
    links = [html.A(text, href=f"/exports/{key}.{suffix}{query}", download="") for suffix, text in words.items()]
    if as_text:
        text = _("%(what)s文字（可貼到訊息）", what=what)
        links.append(html.A(text, href=f"/exports/{key}.txt{query}", download=""))
    return html.Div(links, className="lc-downloads")
