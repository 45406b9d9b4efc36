"""The program of an epoch: groups of documents go through the stages, forward and back."""

from itertools import repeat

import numpy as np

from rnnbench.models.layers.base import derive_seed
from rnnbench.models.layers.feedforward import Conv1D, Dense, WordCounts, Dropout, Embedding, LayerNorm, Pooling, SpatialDropout
from rnnbench.models.layers.recurrent import Bidirectional, Recurrent
from rnnbench.training.engines.packed import adam
from rnnbench.training.engines.packed.assembler import F32, Assembler, Code, least, where
from rnnbench.training.engines.packed.bag import BagStage
from rnnbench.training.engines.packed.conv import ConvStage
from rnnbench.training.engines.packed.dense import DenseStage
from rnnbench.training.engines.packed.dropout import DropoutStage
from rnnbench.training.engines.packed.embedding import EmbeddingStage
from rnnbench.training.engines.packed.memory import LINE, Memory
from rnnbench.training.engines.packed.norm import NormStage
from rnnbench.training.engines.packed.plan import DOCUMENTS, Group, Signal, Stage
from rnnbench.training.engines.packed.pooling import AttentionStage, MaxStage, MeanStage
from rnnbench.training.engines.packed.recurrent import RecurrentStage


class NumbersStage(Stage):
    """The word ids themselves, as numbers; nothing is trained."""

    def __init__(self, memory: Memory, group: Group):
        self.number, self.group = -1, group
        self.above = Signal.new(memory, group, 1, is_sequence=True, is_trained=False)

    def make(self, asm):
        with asm.function("forward_-1", DOCUMENTS):
            for row in asm.loop(self.group.rows):
                words, _ = self.group.words(asm, self.group.document(asm, row))
                place = self.group.first(asm, row)
                for t in asm.loop(self.group.length(asm, row)):
                    asm.at(self.above.value, place + t, 0).store(words.moved(t).load(F32))
        with asm.function("backward_-1", ["arena"]):
            pass


def make_stages(memory, group, layers, topics):
    stages, layers = [], list(enumerate(layers))
    if layers[0][1].takes != "ids":
        stages.append(NumbersStage(memory, group))
    while layers:
        number, layer = layers.pop(0)
        below = stages[-1].above if stages else None
        if isinstance(layer, Embedding):
            rate = layers.pop(0)[1].rate if isinstance(layers[0][1], SpatialDropout) else 0.0
            is_shared = isinstance(layers[0][1], Recurrent | Bidirectional)
            stages.append(EmbeddingStage(memory, number, group, layer.dim, rate, is_shared=is_shared))
        elif isinstance(layer, Recurrent):
            stages.append(RecurrentStage(memory, number, layer, below))
        elif isinstance(layer, Bidirectional):
            stages.append(RecurrentStage(memory, number, layer.layer, below, directions=2))
        elif isinstance(layer, Dense):
            units = layer.count_units(topics)
            stages.append(DenseStage(memory, number, units, layer.activation, below))
        elif isinstance(layer, Conv1D):
            stages.append(ConvStage(memory, number, layer, below))
        elif isinstance(layer, WordCounts):
            _, dense = layers.pop(0)
            units = dense.count_units(topics)
            stages.append(BagStage(memory, number + 1, group, units, dense.activation))
        elif isinstance(layer, LayerNorm):
            stages.append(NormStage(memory, number, layer.epsilon, below))
        elif isinstance(layer, Pooling):
            stages.append({"max": MaxStage, "mean": MeanStage, "attention": AttentionStage}[layer.by](memory, number, below))
        elif isinstance(layer, Dropout):
            stages.append(DropoutStage(memory, number, layer.rate, below))
        else:
            raise NotImplementedError(layer)
    return stages


class Network:
    def __init__(self, layers, topics, timesteps, n_ids, batch, rows, lanes, averages=False):
        memory = Memory(lanes, rows, averages=averages)
        self.batch, self.topics, self.lanes = batch, topics, lanes
        gap = max((layer.kernel_size for layer in layers if isinstance(layer, Conv1D)), default=1) - 1
        self.group = Group(memory, timesteps, batch, n_ids, gap)
        self.stages = make_stages(memory, self.group, layers, topics)
        self.logits = self.stages[-1].above
        self.memory = memory
        self.trained = [array for stage in self.stages for array in stage.trained]
        self.tables = [stage.table for stage in self.stages if stage.table]

    def new_arena(self, weights, seed):
        raw = np.zeros(self.memory.size + LINE, np.float32)
        start = -raw.ctypes.data // raw.itemsize % LINE
        arena = raw[start : start + self.memory.size]
        weights = list(weights)
        for stage in self.stages:
            stage.start(arena, lambda position, role: derive_seed(seed, position, role))
            del weights[: stage.load(arena, weights)]
        return arena

    def read_weights(self, arena, of=lambda trained: trained.average or trained.value):
        return [own for stage in self.stages for own in stage.save(arena, of)]

    def code(self, processor):
        asm = Assembler(processor)
        self.group.make(asm)
        for stage in self.stages:
            stage.make(asm)
        self._make_loss(asm)
        adam.make(asm, self.group, self.trained)
        with asm.function("prepare", ["arena"]):
            for stage in self.stages:
                stage.prepare(asm)
        rows, batch = self.group.rows, self.batch
        numbers = self.group.numbers
        with asm.function("forward", DOCUMENTS, 2) as (first, left):
            asm.call("gather", first, left)
            for stage in self.stages:
                asm.call(f"forward_{stage.number}")
        with asm.function("epoch", [*DOCUMENTS, "labels", "rates", "answers"], 1) as (count,), asm.flushing():
            asm.at(numbers, 3).store_index(1)
            for step in asm.loop((count + (batch - 1)) // batch):
                first = step * batch
                size = least(batch, count - first)
                asm.call("clear_gradients")
                for table in self.tables:
                    asm.call(f"touch_{table.number}", first, size)
                    asm.call(f"begin_{table.number}")
                asm.call("prepare")
                for done in asm.loop(size, step=rows):
                    asm.call("forward", first + done, size - done)
                    asm.call("loss", first + done, size - done, size)
                    for stage in reversed(self.stages):
                        asm.call(f"backward_{stage.number}")
                asm.call("adam")
                for table in self.tables:
                    asm.call(f"step_{table.number}")
                clock = asm.at(numbers, 2)
                clock.store_index(clock.load_index() + 1)
            for table in self.tables:
                asm.call(f"finish_{table.number}")
        width = self.logits.value.strides[0]
        with asm.function("score", [*DOCUMENTS, "scores"], 1) as (count,), asm.flushing():
            asm.at(numbers, 3).store_index(0)
            for first in asm.loop(count, step=rows):
                asm.call("forward", first, count - first)
                for row in asm.loop(rows):
                    document = self.group.document(asm, row)
                    with asm.when(first + row < count):
                        for i in asm.loop(width, step=asm.lanes):
                            out = asm.given["scores"][document * width + i]
                            out.store(asm.at(self.logits.value, row, i).load())
        return Code(asm)

    def _make_loss(self, asm):
        topics, lanes = self.topics, asm.lanes
        columns = np.arange(-(-topics // lanes) * lanes).reshape(-1, lanes)
        value, gradient = self.logits.value, self.logits.gradient
        with asm.function("loss", ["arena", "labels", "answers"], 3) as (first, left, size):
            for row in asm.loop(self.group.rows):
                document = first + row
                places = [asm.at(value, row, int(some[0])) for some in columns]
                are_topics = [asm.vector_of(some) < topics for some in columns]
                logits = list(map(where, are_topics, (place.load() for place in places), repeat(-1e30)))
                largest = asm.spread(asm.largest(logits))
                logits = [logit - largest for logit in logits]
                powers = list(map(where, are_topics, (logit.exp() for logit in logits), repeat(0.0)))
                total = asm.total(powers)
                label = asm.given["labels"][self.group.document(asm, row)]
                label = asm.spread(label.load(F32))
                are_label = [label.equals(asm.vector_of(some)) for some in columns]
                of_label = asm.total(list(map(where, are_label, logits, repeat(0.0))))
                asm.given["answers"][document * 2].store(of_label)
                asm.given["answers"][document * 2 + 1].store(total)
                share = where(row < left, 1 / asm.to_float(size), 0.0)
                of_power, of_topic = asm.spread(share / total), asm.spread(share)
                for n, (some, power) in enumerate(zip(are_label, powers, strict=True)):
                    place = asm.at(gradient, row, int(columns[n][0]))
                    place.store(power * of_power - where(some, of_topic, 0.0))
