# shellcheck shell=bash
# What the tests run against, each with the sha256 that the set-up insists on.

mesos_version=1.11.0
mesos_library_sha256=84d7ee9af27e912636b139de40257df1ee4f56c201de6bba834278aa1e8fd64c

# The default line and the newest one. Each, like the oldest one below, has the package of jars and the package of shell scripts and configuration.
flink_1_version=1.20.5
flink_1_jars_sha256=e6aee62ea1a1fe7b32e28894ad079f3f1a50a372a4caac3df52405267f4228c8
flink_1_scripts_sha256=6e8ec098a7c06ea34d01fd540e81d44703a90e3bda74052dcbcbb7db5253c10f
flink_2_version=2.3.0
flink_2_jars_sha256=38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151
flink_2_scripts_sha256=0e5f612704de1610b153e919c0564b62ad513cddfcf4960f5a021658cdf41a13

# The last Flink with Mesos support of its own: what ours is compared with.
upstream_version=1.13.6
upstream_sha256=2834e022cd64864d570021562aaf84412c69ca34f6731c17453e04bba3db3efc

# The oldest Flink that we run.
oldest_version=1.18.1
oldest_jars_sha256=369ce11ab33e5e15cdd349db2f5412dcc2fad163b6a87aa93b927a3631bcca7f
oldest_scripts_sha256=f93cbc4d88e39135dd59d7d7cc2e2252dec4017c4943dd8ab62e117e953a2d15

avmesos_version=0.4.2

typos_version=1.52.0

nextest_version=0.9.148

deny_version=0.20.2

# moto's server needs Flask; its own extra for that brings much more.
moto_version=5.2.5
moto_flask_version=3.1.3
moto_flask_cors_version=6.0.5
gcs_version=2026.7.19

# What PyFlink 1.20 needs of other packages; newer ones do not work with it.
pyflink_dependencies="apache-beam==2.48.0 pyarrow==11.0.0 pandas==2.2.3 numpy==1.24.4 setuptools==80.9.0 py4j==0.10.9.7 avro-python3==1.10.2 ruamel.yaml find-libpython"
pyflink_pemja_version=0.5.7
