"""Make a model a sensor of Home Assistant: rows come in over MQTT, and the answer goes out as the sensor's state.

pip install paho-mqtt mlp-runtime
python examples/mqtt_sensor.py model.mlp --broker homeassistant.local --rows home/weather --name "Rain tomorrow"

On the topic of --rows it expects a JSON object with the model's columns, or a list of numbers for a model of vectors.
The sensor announces itself (MQTT discovery), so that nothing is to be set up in Home Assistant.
"""

import argparse
import json
import re

import paho.mqtt.client as mqtt

import mlp_runtime


class Sensor:
    """Listens on one topic and answers on another."""

    def __init__(self, model, rows, name):
        self.model, self.rows, self.name = model, rows, name
        self.key = re.sub(r"\W+", "_", name.lower())
        self.state = f"mlp/{self.key}/state"

    def on_connect(self, client, userdata, flags, reason, properties):  # noqa: ARG002  # paho's own order
        """Announce the sensor and listen, also after each lost connection."""
        about = {"name": self.name, "unique_id": f"mlp_{self.key}", "state_topic": self.state}
        about |= {"value_template": "{{ value_json.answer }}", "json_attributes_topic": self.state}
        client.publish(f"homeassistant/sensor/mlp_{self.key}/config", json.dumps(about), retain=True)
        client.subscribe(self.rows)

    def on_message(self, client, userdata, message):  # noqa: ARG002  # paho's own order
        """Answer a row; what the model cannot use is said and forgotten, for the next row may be a good one."""
        try:
            row = json.loads(message.payload)
            said = {"answer": self.model.predict(row)}
            if self.model.output_kind == "classes":
                said["probability"] = round(self.model.top(row, 1)[0][1], 4)
            client.publish(self.state, json.dumps(said), retain=True)
        except ValueError as error:  # no JSON, or an InputError
            print(f"{message.topic}: {error}", flush=True)


def main():
    """Connect, and answer until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--broker", default="localhost")
    parser.add_argument("--rows", required=True, metavar="TOPIC")
    parser.add_argument("--name", default="MLP")
    given = parser.parse_args()
    sensor = Sensor(mlp_runtime.load(given.model), given.rows, given.name)
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_connect, client.on_message = sensor.on_connect, sensor.on_message
    client.connect(given.broker)
    client.loop_forever()


if __name__ == "__main__":
    main()
