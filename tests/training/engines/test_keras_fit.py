import keras
import numpy as np

from rnnbench.training.engines import ignore, keras_fit
from rnnbench.training.recipe import Training


def test_where_there_is_a_single_topic_every_answer_is_right():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="softmax")])
    x, y = np.ones((4, 2), np.float32), np.zeros(4, np.int32)

    outcome = keras_fit.fit(model, x, y, Training(epochs=1), ignore)

    assert outcome.history.accuracy == [1.0]
