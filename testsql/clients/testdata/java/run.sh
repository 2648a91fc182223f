# Compiles the clients against the libraries of a kit, and starts one: run.sh KIT CLASS
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac -d "$classes" -cp "$1/lib/*" ./*.java
java -Djava.util.logging.config.file=logging.properties -cp "$1/lib/*:$classes:." "$2"
