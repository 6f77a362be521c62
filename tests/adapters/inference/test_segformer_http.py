"""The SegFormer adapter against a service that behaves."""

from collections.abc import AsyncIterator, Iterator

import pytest

from aoi.adapters.inference.segformer_http import SegFormerHttp
from aoi.domain.ports import InferenceEngine
from aoi.testing.engine import EngineContract
from segformer_answers import older_answer
from segformer_stub import Reply, SegformerStub

pytestmark = pytest.mark.anyio


@pytest.fixture
def stub() -> Iterator[SegformerStub]:
    with SegformerStub() as stub:
        yield stub


@pytest.fixture
async def engine(stub: SegformerStub) -> AsyncIterator[SegFormerHttp]:
    engine = SegFormerHttp(stub.url, backoff=0.01)
    yield engine
    await engine.close()


class TestSegFormerHttp(EngineContract):
    @pytest.fixture
    async def engine(self, stub: SegformerStub) -> AsyncIterator[InferenceEngine]:
        engine = SegFormerHttp(stub.url)
        yield engine
        await engine.close()


class TestSegFormerHttpWithTheOlderForm(TestSegFormerHttp):
    @pytest.fixture
    def stub(self) -> Iterator[SegformerStub]:
        with SegformerStub(lambda got: Reply.json(older_answer(got.width, got.height))) as stub:
            yield stub
