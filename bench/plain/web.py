"""A plain FastAPI route that leads on and records nothing: `uvicorn bench.plain.web:app`."""

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

app = FastAPI()
TARGETS = [f"https://www.focalpointsystem.com/releases/{n}" for n in range(12)]


@app.get("/c/{token}/{n}")
async def click(token: str, n: int) -> RedirectResponse:
    del token
    return RedirectResponse(TARGETS[n], 302)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
