"""Adapters to a language model behind an OpenAI-compatible server.

Read `chat_model.py` first: it asks and keeps the deadline. `chat_format.py` writes the request, `openai_chat.py` sends
it, and `chat_answer.py` checks the answer, with `server_error.py`, `answer_text.py` and `verdict_dialects.py` for what
servers and models really send.
"""
