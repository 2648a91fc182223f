from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Everything",
            fields=[("id", models.IntegerField(primary_key=True, serialize=False))],
            options={"db_table": "everything", "managed": False},
        ),
        migrations.CreateModel(
            name="Number",
            fields=[("n", models.IntegerField(primary_key=True, serialize=False))],
            options={"db_table": "numbers", "managed": False},
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=20)),
                ("since", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.IntegerField(null=True)),
                ("made", models.DateField(db_index=True)),
                ("state", models.SlugField(default="new", max_length=10)),
                ("customer", models.ForeignKey(
                    db_constraint=False, on_delete=models.deletion.CASCADE, related_name="orders", to="shop.customer")),
            ],
            options={"ordering": ["made"]},
        ),
    ]
