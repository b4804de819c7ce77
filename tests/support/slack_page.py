"""An HTML page that shows a Slack message about as Slack does, to take a picture of it."""

from typing import Any

from jinja2 import Environment

_PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 14px 20px; font: 15px/1.46 Lato, "Noto Sans", sans-serif; color: #1d1c1d; background: #fff }
h1 { font-size: 18px; margin: 4px 0 8px } p, ul, ol { margin: 0 0 8px } ul, ol { padding-left: 26px }
button { font: 700 13px Lato, "Noto Sans", sans-serif; padding: 6px 12px; margin: 2px 8px 8px 0; border-radius: 4px;
         border: 1px solid #bbb; background: #fff; color: #1d1c1d }
.primary { background: #007a5a; border-color: #007a5a; color: #fff } a { color: #1264a3; text-decoration: none }
.danger { background: #e01e5a; border-color: #e01e5a; color: #fff }
.who b { margin-right: 6px } .who span { background: #eee; font-size: 10px; padding: 1px 3px; color: #616061 }
.who i, .context { color: #616061; font-size: 12px; font-style: normal }
</style>
{%- macro inline(elements) -%}
  {%- for item in elements -%}
    {%- if item.type == "link" -%}<a href="{{ item.url }}">{{ item.text or item.url }}</a>
    {%- elif item.style and item.style.bold -%}<b>{{ item.text }}</b>
    {%- else -%}{{ item.text or item.fallback }}{%- endif -%}
  {%- endfor -%}
{%- endmacro -%}
<p class="who"><b>Firstline</b> <span>APP</span> <i>{{ time }}</i></p>
{%- for block in blocks -%}
  {%- if block.type == "header" -%}<h1>{{ block.text.text }}</h1>
  {%- elif block.type == "section" -%}<p>{{ block.text.text }}</p>
  {%- elif block.type == "context" -%}<p class="context">{{ block.elements | map(attribute="text") | join(" · ") }}</p>
  {%- elif block.type == "actions" -%}
    <div>
    {%- for item in block.elements -%}<button class="{{ item.style }}">{{ item.text.text }}</button>{%- endfor -%}
    </div>
  {%- else -%}
    {%- for part in block.elements -%}
      {%- if part.type == "rich_text_list" -%}
        {%- set list = "ol" if part.style == "ordered" else "ul" -%}
        <{{ list }}>{% for item in part.elements %}<li>{{ inline(item.elements) }}</li>{% endfor %}</{{ list }}>
      {%- else -%}<p>{{ inline(part.elements) }}</p>{%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endfor -%}"""


def slack_page(message: dict[str, Any], time: str) -> str:
    """Return an HTML page of a message's blocks, with the time of its arrival."""
    return Environment(autoescape=True).from_string(_PAGE).render(blocks=message["blocks"], time=time)
