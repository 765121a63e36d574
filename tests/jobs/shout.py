"""A job whose own code is Python, run on the TaskManagers: it prints the words in capital letters."""
from pyflink.common import Types
from pyflink.datastream import StreamExecutionEnvironment

environment = StreamExecutionEnvironment.get_execution_environment()
environment.set_parallelism(1)
words = environment.from_collection(["mesos", "flink"], type_info=Types.STRING())
words.map(lambda word: word.upper(), output_type=Types.STRING()).print()
environment.execute("shout")
