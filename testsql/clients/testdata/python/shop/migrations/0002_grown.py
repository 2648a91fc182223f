import django.contrib.postgres.fields
from django.db import migrations, models


def add_customer(apps, schema_editor):
    apps.get_model("shop", "Customer").objects.create(name="first", facts={"by": "migration"})


def remove_customers(apps, schema_editor):
    apps.get_model("shop", "Customer").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RenameField("Customer", "title", "name"),
        migrations.AlterField("Customer", "name", models.CharField(max_length=40, unique=True)),
        migrations.AddField("Customer", "facts", models.JSONField(default=dict)),
        migrations.AddConstraint(
            "Customer", models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="customer_has_a_name")),
        migrations.AddIndex("Customer", models.Index(fields=["-since", "name"], name="newest_customers")),
        migrations.AlterField("Order", "amount", models.DecimalField(db_default=0, decimal_places=2, max_digits=10)),
        migrations.AddField(
            "Order", "tags",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=10), default=list, size=None)),
        migrations.AddConstraint(
            "Order", models.UniqueConstraint(fields=("customer", "made"), name="one_order_a_day")),
        migrations.RunPython(add_customer, remove_customers),
    ]
