"""Real clusters on this machine's loopback for tests: Kafka, Cassandra, Spark, each a context manager.

    with KafkaCluster(tmp_path, n=3) as kafka:                  # KRaft, brokers are controllers too
        kafka.bootstrap_servers                                 # ["127.0.0.1:40001", …], for kafka.bootstrap_servers
        kafka.lagging(); kafka.wait_until_in_sync()             # before another broker may be killed

    with CassandraCluster(tmp_path, {"dc1": 3}) as cassandra:   # or {"dc1": 1, "dc2": 1}; 127.0.0.11 and on
        cassandra.contact_points, cassandra.port                # for cassandra.contact_points and cassandra.port
        cassandra.hosts("dc2")                                  # one data centre's addresses
        cassandra.replication                                   # NetworkTopologyStrategy, a copy on every node
        cassandra.connect(2)                                    # a driver whose only coordinator is node 2

    with SparkCluster(tmp_path, workers=2) as spark:            # standalone: one core and 1 GB a worker
        spark.master                                            # for spark.master
        spark.state()                                           # the master's own JSON: aliveworkers, activeapps, …
        spark.kill_worker(1); spark.start_worker(1)

Kafka's and Cassandra's nodes are numbered from 1:

    cluster.kill(2)          kill -9
    cluster.freeze(2)        SIGSTOP, ended by cluster.thaw(2) or kill
    cluster.start(2)         bring it back with its data; returns once all running nodes know each other again
    cluster.node(2)          .pid, .port, .log, .address
    cluster.settings         what a configuration says of it, as nested dictionaries

Entering starts the nodes side by side and returns once each counts all the others. Every process ends with the thread
that started it, so start clusters in the main thread. A node that does not come up raises ServiceError with its last
words and the path of its log, which is <directory>/<service>-<number>/logs/<service>.log.
Resident memory at rest: a broker 0.3 GB, a Cassandra node 0.7 GB, Spark's master and workers 0.2 GB each.
"""

from cassandra_cluster import CassandraCluster
from kafka_cluster import KafkaCluster
from spark_cluster import SparkCluster

__all__ = ["CassandraCluster", "KafkaCluster", "SparkCluster"]
